// What service discovery has found, and what relabelling has made of it.
import type { Labels } from '../api/labels';
import type { TargetsData } from '../api/targets';
import { seriesName } from '../format/series';
import { hasWords } from '../format/words';
import { Filter, useParameter } from '../frame/Filter';
import { LabelList } from '../frame/LabelList';
import { Loaded, Refresh } from '../frame/Loaded';
import { More } from '../frame/More';
import { Page } from '../frame/Page';
import { StateMark } from '../frame/StateMark';
import { byPool, useTargets } from '../targets/useTargets';
import { Relabelling } from './Relabelling';

const TARGETS_STEP = 50;
const POOLS_STEP = 20;

interface Found {
  pool: string;
  discovered: Labels;
  /** Missing where relabelling has dropped it. */
  labels: Labels | undefined;
}

function found(data: TargetsData): Found[] {
  const active = data.activeTargets.map((target) => ({
    pool: target.scrapePool,
    discovered: target.discoveredLabels,
    labels: target.labels,
  }));
  const dropped = data.droppedTargets.map((target) => ({
    // Prometheus before 3 does not say of which pool it was; its job's name is the same.
    pool: target.scrapePool ?? target.discoveredLabels.job ?? '',
    discovered: target.discoveredLabels,
    labels: undefined,
  }));
  return [...active, ...dropped];
}

function Pool(props: { name: string; targets: Found[]; shown: Found[]; dropped: number }) {
  const active = props.targets.filter((target) => target.labels !== undefined).length;
  return (
    <details className="card lazy">
      <summary>
        <h2 className="small wraps">{props.name}</h2>{' '}
        <span className="quiet small">
          {active} active, {props.dropped} dropped
        </span>
      </summary>
      <More of={props.shown} step={TARGETS_STEP} name="targets">
        {(some) => (
          <div className="wide">
            <table className="folds">
              <thead>
                <tr>
                  <th scope="col">Discovered labels</th>
                  <th scope="col">Target labels</th>
                </tr>
              </thead>
              <tbody>
                {some.map((target, index) => (
                  <tr key={`${seriesName(target.discovered)}\n${index}`}>
                    <td data-name="Discovered labels">
                      <LabelList labels={target.discovered} withName />
                      <Relabelling pool={props.name} labels={target.discovered} />
                    </td>
                    <td data-name="Target labels">
                      {target.labels === undefined ? (
                        <StateMark state="dropped" />
                      ) : (
                        <LabelList labels={target.labels} withName />
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </More>
    </details>
  );
}

export function DiscoveryPage() {
  const query = useTargets('any');
  const [text, setText] = useParameter('search');
  const fits = (target: Found) =>
    hasWords(text, [
      target.pool,
      ...[target.discovered, target.labels ?? {}].flatMap((labels) =>
        Object.entries(labels).map(([name, value]) => `${name}=${value}`),
      ),
    ]);
  return (
    <Page title="Service discovery" actions={<Refresh query={query} />}>
      <Loaded query={query}>
        {(data) => {
          const pools = byPool(found(data), (target) => target.pool)
            .map(([name, targets]) => ({
              name,
              targets,
              shown: targets.filter(fits),
              dropped:
                data.droppedTargetCounts?.[name] ??
                targets.filter((target) => target.labels === undefined).length,
            }))
            .filter(({ shown }) => shown.length > 0);
          return (
            <>
              <div className="tools">
                <Filter label="Filter by pool or label" value={text} onChange={setText} />
              </div>
              {pools.length === 0 && <p className="quiet">Nothing was found.</p>}
              <More of={pools} step={POOLS_STEP} name="pools">
                {(some) => some.map((pool) => <Pool key={pool.name} {...pool} />)}
              </More>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
