// The targets of one pool, with the last error of each in full; a press shows what a scrape of it would
// store, or how relabelling has made its labels.
import { lazy, Suspense, useState } from 'react';
import type { ActiveTarget } from '../api/targets';
import { LabelList } from '../frame/LabelList';
import { Loading } from '../frame/Loading';
import { More } from '../frame/More';
import { StateMark } from '../frame/StateMark';
import { load } from '../frame/load';
import { shortDuration } from '../format/duration';
import { webAddress } from '../format/link';
import { ago } from '../format/time';

const TargetPreview = lazy(async () => ({
  default: (await load(() => import('./TargetPreview'))).TargetPreview,
}));
const RelabelSteps = lazy(async () => ({
  default: (await load(() => import('../discovery/RelabelSteps'))).RelabelSteps,
}));

const TARGETS_STEP = 100;

function Endpoint({ target }: { target: ActiveTarget }) {
  const address = webAddress(target.globalUrl) ?? webAddress(target.scrapeUrl);
  return address === undefined ? (
    <span className="wraps">{target.scrapeUrl}</span>
  ) : (
    <a className="wraps" href={address} target="_blank" rel="noopener noreferrer">
      {target.scrapeUrl}
    </a>
  );
}

function Row(props: { pool: string; target: ActiveTarget; nowMs: number }) {
  const { pool, target, nowMs } = props;
  const [opened, setOpened] = useState<'preview' | 'relabelling'>();
  // Plain buttons: there may be thousands of them on a page.
  const opener = (what: 'preview' | 'relabelling', text: string) => (
    <button
      type="button"
      className="plain-button small"
      aria-expanded={opened === what}
      onClick={() => setOpened(opened === what ? undefined : what)}
    >
      {text}
    </button>
  );
  return (
    <>
      <tr>
        <td data-name="Endpoint">
          <Endpoint target={target} />
          {target.lastError !== '' && (
            <pre className="code bad" aria-label="Last error">
              {target.lastError}
            </pre>
          )}
          <div className="tools">
            {opener('preview', 'Scrape to look at')}
            {opener('relabelling', 'Relabelling')}
          </div>
        </td>
        <td data-name="Labels">
          <LabelList labels={target.labels} />
        </td>
        <td data-name="Last scrape" className="small">
          {ago(target.lastScrape, nowMs)}
          <div className="quiet">
            took {shortDuration(target.lastScrapeDuration)}, every {target.scrapeInterval}, at most{' '}
            {target.scrapeTimeout}
          </div>
        </td>
        <td data-name="State">
          <StateMark state={target.health} />
        </td>
      </tr>
      {opened !== undefined && (
        <tr>
          <td colSpan={4}>
            <Suspense fallback={<Loading />}>
              {opened === 'preview' ? (
                <TargetPreview pool={pool} target={target} />
              ) : (
                <RelabelSteps pool={pool} labels={target.discoveredLabels} />
              )}
            </Suspense>
          </td>
        </tr>
      )}
    </>
  );
}

export function TargetTable(props: { pool: string; targets: ActiveTarget[]; nowMs: number }) {
  return (
    <More of={props.targets} step={TARGETS_STEP} name="targets">
      {(shown) => (
        <div className="wide">
          <table className="folds">
            <thead>
              <tr>
                <th scope="col">Endpoint</th>
                <th scope="col">Labels</th>
                <th scope="col">Last scrape</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((target, index) => (
                <Row
                  key={`${target.scrapeUrl}\n${index}`}
                  pool={props.pool}
                  target={target}
                  nowMs={props.nowMs}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </More>
  );
}
