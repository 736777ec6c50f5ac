// Which alerts nobody is told of, as the Alertmanager inside says.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { alertmanager } from '../api/client';
import type { Labels } from '../api/labels';
import type { AlertmanagerAlert } from '../api/silences';
import { hasAlertmanager } from '../page';

/** Finds what the Alertmanager says of an alert of a rule; `undefined` where it is not mute. */
export type Muted = (labels: Labels) => AlertmanagerAlert | undefined;

/**
 * An alert reaches the Alertmanager with external labels that its rule has not, so it is the one
 * that has all of the rule's labels.
 */
export function mutedOf(alerts: AlertmanagerAlert[]): Muted {
  const byName = new Map<string | undefined, AlertmanagerAlert[]>();
  for (const alert of alerts) {
    const name = alert.labels.alertname;
    const others = byName.get(name);
    if (others === undefined) byName.set(name, [alert]);
    else others.push(alert);
  }
  return (labels) =>
    byName
      .get(labels.alertname)
      ?.find((alert) =>
        Object.entries(labels).every(([name, value]) => (alert.labels[name] ?? '') === value),
      );
}

/** What is mute at the time at which the rules were asked for. */
export function useMuted(atMs: number): Muted {
  const query = useQuery({
    queryKey: ['muted', atMs],
    enabled: hasAlertmanager && atMs > 0,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      alertmanager<AlertmanagerAlert[]>('GET', 'alerts', { active: 'false' }, undefined, signal),
  });
  return useMemo(() => mutedOf(query.data ?? []), [query.data]);
}
