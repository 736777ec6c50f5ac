// The targets of one pool, with the last error of each in full.
import type { ActiveTarget } from '../api/targets';
import { LabelList } from '../frame/LabelList';
import { More } from '../frame/More';
import { StateMark } from '../frame/StateMark';
import { shortDuration } from '../format/duration';
import { webAddress } from '../format/link';
import { ago } from '../format/time';

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

export function TargetTable({ targets, nowMs }: { targets: ActiveTarget[]; nowMs: number }) {
  return (
    <More of={targets} step={TARGETS_STEP} name="targets">
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
                <tr key={`${target.scrapeUrl}\n${index}`}>
                  <td data-name="Endpoint">
                    <Endpoint target={target} />
                    {target.lastError !== '' && (
                      <pre className="code bad" aria-label="Last error">
                        {target.lastError}
                      </pre>
                    )}
                  </td>
                  <td data-name="Labels">
                    <LabelList labels={target.labels} />
                  </td>
                  <td data-name="Last scrape" className="small">
                    {ago(target.lastScrape, nowMs)}
                    <div className="quiet">
                      took {shortDuration(target.lastScrapeDuration)}, every {target.scrapeInterval},
                      at most {target.scrapeTimeout}
                    </div>
                  </td>
                  <td data-name="State">
                    <StateMark state={target.health} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </More>
  );
}
