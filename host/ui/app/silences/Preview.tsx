// The alerts that a silence would mute.
import { Alert } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { alertmanager } from '../api/client';
import type { AlertmanagerAlert, SilenceMatcher } from '../api/silences';
import { LabelList } from '../frame/LabelList';
import { Loaded } from '../frame/Loaded';
import { More } from '../frame/More';
import { matcherText } from './matchers';

const ALERTS_STEP = 50;

export function Preview({ matchers }: { matchers: SilenceMatcher[] }) {
  const filter = matchers.map(matcherText);
  const query = useQuery({
    queryKey: ['alertmanager-alerts', filter],
    queryFn: ({ signal }) =>
      alertmanager<AlertmanagerAlert[]>('GET', 'alerts', { filter }, undefined, signal),
  });
  return (
    <Loaded query={query}>
      {(alerts) => (
        <Alert
          variant="light"
          color={alerts.length === 0 ? 'orange' : 'cyan'}
          title={
            alerts.length === 0
              ? 'No alert of now matches'
              : `${alerts.length} ${alerts.length === 1 ? 'alert' : 'alerts'} of now would be muted`
          }
        >
          <More of={alerts} step={ALERTS_STEP} name="alerts">
            {(shown) => (
              <ul className="plain">
                {shown.map((alert) => (
                  <li key={alert.fingerprint}>
                    <LabelList labels={alert.labels} />
                  </li>
                ))}
              </ul>
            )}
          </More>
        </Alert>
      )}
    </Loaded>
  );
}
