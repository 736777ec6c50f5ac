// Alerts by the values of a label, and the matchers that all of some alerts have.
import type { Alert } from '../api/rules';
import type { Labels } from '../api/labels';
import type { SilenceMatcher } from '../api/silences';

export interface AlertGroup {
  /** The label's value; `undefined` of those that lack it. */
  value: string | undefined;
  alerts: Alert[];
}

/** The names of labels that alerts can be grouped by: those that some of them have. */
export function groupingLabels(alerts: Alert[]): string[] {
  return [...new Set(alerts.flatMap((alert) => Object.keys(alert.labels)))].sort();
}

/** Alerts by a label: the largest groups first, those without the label last. */
export function groupsBy(alerts: Alert[], label: string): AlertGroup[] {
  const groups = new Map<string | undefined, Alert[]>();
  for (const alert of alerts) {
    const value = alert.labels[label];
    const group = groups.get(value);
    if (group === undefined) groups.set(value, [alert]);
    else group.push(alert);
  }
  return [...groups]
    .map(([value, of]) => ({ value, alerts: of }))
    .sort((a, b) => {
      if ((a.value === undefined) !== (b.value === undefined)) return a.value === undefined ? 1 : -1;
      return b.alerts.length - a.alerts.length;
    });
}

/** A text as a pattern that matches it alone, in the expressions of the server. */
function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/**
 * A matcher for each label that all of them have: its value, or one of its values. Such a silence
 * may mute more than these alerts, where several labels differ; its preview says which.
 */
export function matchersOfAll(all: Labels[]): SilenceMatcher[] {
  const [first, ...others] = all;
  if (first === undefined) return [];
  return Object.keys(first)
    .filter((name) => others.every((labels) => labels[name] !== undefined))
    .sort()
    .map((name) => {
      const values = [...new Set(all.map((labels) => labels[name] ?? ''))].sort();
      const isRegex = values.length > 1;
      const value = isRegex ? values.map(escapePattern).join('|') : (values[0] ?? '');
      return { name, value, isRegex, isEqual: true };
    });
}
