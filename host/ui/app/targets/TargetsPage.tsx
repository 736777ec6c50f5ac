// The targets by pool: which are up, and what is wrong with the others.
import type { ActiveTarget } from '../api/targets';
import { Choice } from '../frame/Choice';
import { hasWords } from '../format/words';
import { Filter, useParameter } from '../frame/Filter';
import { Loaded, Refresh } from '../frame/Loaded';
import { More } from '../frame/More';
import { Page } from '../frame/Page';
import { TargetTable } from './TargetTable';
import { byPool, useTargets } from './useTargets';

const POOLS_STEP = 20;

function Pool(props: { name: string; targets: ActiveTarget[]; all: number; nowMs: number }) {
  const up = props.targets.filter((target) => target.health === 'up').length;
  const isWell = up === props.targets.length;
  return (
    <details className="card lazy" open>
      <summary>
        <h2 className="small wraps">{props.name}</h2>{' '}
        <span className={`small ${isWell ? 'good' : 'bad'}`}>
          {up} of {props.targets.length} up
          {props.all > props.targets.length && `, ${props.all} without the filter`}
        </span>
      </summary>
      <TargetTable pool={props.name} targets={props.targets} nowMs={props.nowMs} />
    </details>
  );
}

export function TargetsPage() {
  const query = useTargets('active');
  const [pool, setPool] = useParameter('pool');
  const [health, setHealth] = useParameter('health');
  const [text, setText] = useParameter('search');
  const fits = (target: ActiveTarget) =>
    (health === '' || health.split(',').includes(target.health)) &&
    hasWords(text, [
      target.scrapeUrl,
      target.lastError,
      ...Object.entries(target.labels).map(([name, value]) => `${name}=${value}`),
    ]);
  return (
    <Page title="Targets" actions={<Refresh query={query} isAuto />}>
      <Loaded query={query}>
        {(data) => {
          const pools = byPool(data.activeTargets, (target) => target.scrapePool);
          const shown = pools
            .filter(([name]) => pool === '' || name === pool)
            .map(([name, targets]) => ({ name, all: targets.length, targets: targets.filter(fits) }))
            .filter(({ targets }) => targets.length > 0);
          return (
            <>
              <div className="tools">
                <Filter label="Filter by address, label or error" value={text} onChange={setText} />
                <Choice
                  label="Pool"
                  value={pool}
                  onChange={setPool}
                  options={[
                    { value: '', label: `All (${pools.length})` },
                    ...pools.map(([name]) => ({ value: name, label: name })),
                  ]}
                />
                <Choice
                  label="Health"
                  value={health}
                  onChange={setHealth}
                  options={[
                    { value: '', label: 'All' },
                    { value: 'up', label: 'up' },
                    { value: 'down', label: 'down' },
                    { value: 'unknown', label: 'unknown' },
                  ]}
                />
              </div>
              {shown.length === 0 && (
                <p className="quiet">
                  {pools.length === 0 ? 'There are no targets.' : 'No target fits the filter.'}
                </p>
              )}
              <More of={shown} step={POOLS_STEP} name="pools">
                {(some) =>
                  some.map((one) => <Pool key={one.name} {...one} nowMs={query.dataUpdatedAt} />)
                }
              </More>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
