// What the page of alert groups shows of what Alertmanager holds: which alerts, and why some are mute.
import type { AlertGroup, AlertmanagerAlert } from '../api/silences';
import { hasWords } from '../format/words';

/** Which alerts are shown: those that notifications are sent of, those that are muted, or both. */
export type Wanted = 'firing' | 'suppressed' | 'all';

export function readWanted(text: string): Wanted {
  return text === 'suppressed' || text === 'all' ? text : 'firing';
}

export function isSuppressed(alert: AlertmanagerAlert): boolean {
  return alert.status.state === 'suppressed';
}

function isWanted(alert: AlertmanagerAlert, wanted: Wanted): boolean {
  return wanted === 'all' || isSuppressed(alert) === (wanted === 'suppressed');
}

function texts(alert: AlertmanagerAlert): string[] {
  return [
    ...Object.entries(alert.labels).map(([name, value]) => `${name}=${value}`),
    ...Object.values(alert.annotations),
  ];
}

/** The groups with those of their alerts that are wanted; groups without any are left out. */
export function shownGroups(groups: AlertGroup[], wanted: Wanted, words: string): AlertGroup[] {
  return groups
    .map((group) => ({
      ...group,
      alerts: group.alerts.filter(
        (alert) => isWanted(alert, wanted) && (words === '' || hasWords(words, texts(alert))),
      ),
    }))
    .filter(({ alerts }) => alerts.length > 0);
}

/** All alerts, each once: one may be in the groups of several receivers. */
export function distinct(groups: AlertGroup[]): Map<string, AlertmanagerAlert> {
  return new Map(
    groups.flatMap(({ alerts }) => alerts.map((alert) => [alert.fingerprint, alert] as const)),
  );
}
