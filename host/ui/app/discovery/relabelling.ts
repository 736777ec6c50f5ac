// The steps of relabelling, from one set of labels to the next.
import type { Labels } from '../api/labels';

/** A rule as the API spells it, and what it has left; nothing where it drops the target. */
export interface RelabelStep {
  rule: Record<string, unknown>;
  output: Labels;
  keep: boolean;
}

export interface Change {
  name: string;
  /** Missing where the label is new. */
  before: string | undefined;
  /** Missing where the label is gone. */
  after: string | undefined;
}

/** The labels that are others after a step, by name. */
export function changes(before: Labels, after: Labels): Change[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names]
    .sort()
    .filter((name) => before[name] !== after[name])
    .map((name) => ({ name, before: before[name], after: after[name] }));
}

/** A rule in a line: its fields that say something, in the order of the API. */
export function ruleText(rule: Record<string, unknown>): string {
  return Object.entries(rule)
    .filter(([, value]) => value !== null && value !== '' && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('\n');
}
