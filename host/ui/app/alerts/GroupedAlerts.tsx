// All alerts by the values of a label, whichever rules they are of.
import type { Alert } from '../api/rules';
import { More } from '../frame/More';
import type { Choosing } from './AlertTable';
import { AlertTable } from './AlertTable';
import { groupsBy } from './groups';
import type { Muted } from './muted';

const GROUPS_STEP = 50;

export function GroupedAlerts(props: {
  alerts: Alert[];
  label: string;
  choosing: Choosing;
  muted: Muted;
}) {
  const groups = groupsBy(props.alerts, props.label);
  return (
    <More of={groups} step={GROUPS_STEP} name="groups">
      {(some) =>
        some.map(({ value, alerts }) => (
          <details key={value ?? '\n'} className="card lazy" open={alerts.length <= 10}>
            <summary>
              <h2 className="mono wraps">
                {value === undefined ? `without ${props.label}` : `${props.label}="${value}"`}
              </h2>{' '}
              <span className="quiet small">
                {alerts.length} {alerts.length === 1 ? 'alert' : 'alerts'}
              </span>
            </summary>
            <AlertTable alerts={alerts} choosing={props.choosing} muted={props.muted} />
          </details>
        ))
      }
    </More>
  );
}
