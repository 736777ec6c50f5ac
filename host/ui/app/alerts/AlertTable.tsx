// The alerts of one rule.
import { Link } from '@tanstack/react-router';
import type { Alert } from '../api/rules';
import type { AlertmanagerAlert } from '../api/silences';
import { LabelList } from '../frame/LabelList';
import { More } from '../frame/More';
import { useLocalTime } from '../frame/preferences';
import { StateMark } from '../frame/StateMark';
import { plainValue } from '../format/number';
import { seriesName } from '../format/series';
import { formatTime } from '../format/time';
import { hasAlertmanager } from '../page';
import { silenceOf } from '../silences/matchers';
import { Annotations } from './Annotations';
import type { Muted } from './muted';

const ALERTS_STEP = 100;

/** Which alerts are chosen, by their labels, and how that is changed. */
export interface Choosing {
  chosen: ReadonlyMap<string, Alert>;
  onChoose: (alert: Alert, isChosen: boolean) => void;
}

/** That nobody is told of it, and by which silence. */
function MutedBy({ alert }: { alert: AlertmanagerAlert }) {
  const [id] = alert.status.silencedBy;
  return (
    <div className="small">
      {id === undefined ? (
        'inhibited'
      ) : (
        <Link to="/silences" search={{ id }}>
          silenced
        </Link>
      )}
    </div>
  );
}

export function AlertTable(props: { alerts: Alert[]; choosing: Choosing; muted: Muted }) {
  const { alerts, choosing } = props;
  const [isLocal] = useLocalTime();
  return (
    <More of={alerts} step={ALERTS_STEP} name="alerts">
      {(shown) => (
        <div className="wide">
          <table className="folds">
            <thead>
              <tr>
                <th scope="col">Labels</th>
                <th scope="col">State</th>
                <th scope="col">Since</th>
                <th scope="col">Value</th>
                {hasAlertmanager && <th scope="col">Silence</th>}
              </tr>
            </thead>
            <tbody>
              {shown.map((alert) => {
                const muted = props.muted(alert.labels);
                return (
                  <tr key={seriesName(alert.labels)}>
                    <td data-name="Labels">
                      <LabelList labels={alert.labels} />
                      <Annotations annotations={alert.annotations} />
                    </td>
                    <td data-name="State">
                      <StateMark state={alert.state} />
                      {muted !== undefined && <MutedBy alert={muted} />}
                    </td>
                    <td data-name="Since" className="small">
                      {alert.activeAt === undefined
                        ? '–'
                        : formatTime(Date.parse(alert.activeAt), isLocal)}
                    </td>
                    <td data-name="Value" className="mono">
                      {plainValue(alert.value)}
                    </td>
                    {hasAlertmanager && (
                      <td data-name="Silence">
                        <input
                          type="checkbox"
                          aria-label={`Choose ${alert.labels.alertname ?? 'the alert'}`}
                          checked={choosing.chosen.has(seriesName(alert.labels))}
                          onChange={(event) => choosing.onChoose(alert, event.currentTarget.checked)}
                        />{' '}
                        <Link to="/silences/new" search={silenceOf(alert.labels)}>
                          Silence
                        </Link>
                      </td>
                    )}
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </More>
  );
}
