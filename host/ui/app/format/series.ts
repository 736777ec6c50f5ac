// Series, label pairs and matchers as PromQL writes them.
import type { Labels } from '../api/labels';

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** A string with its quotes. */
export function quote(text: string): string {
  const escaped = text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n');
  return `"${escaped}"`;
}

/** A label's name: as it is, or quoted where PromQL asks for that. */
export function labelName(name: string): string {
  return LABEL_NAME.test(name) ? name : quote(name);
}

/** The labels without the metric's name, by name. */
export function labelPairs(labels: Labels): [string, string][] {
  return Object.entries(labels)
    .filter(([name]) => name !== '__name__')
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** `name{a="b"}`, or `{"na me", a="b"}`; a series without a name and labels is `{}`. */
export function seriesName(labels: Labels): string {
  const name = labels.__name__;
  const pairs = labelPairs(labels).map(([label, value]) => `${labelName(label)}=${quote(value)}`);
  if (name === undefined || name === '') return `{${pairs.join(', ')}}`;
  if (!METRIC_NAME.test(name)) return `{${[quote(name), ...pairs].join(', ')}}`;
  return pairs.length === 0 ? name : `${name}{${pairs.join(', ')}}`;
}
