// Counts of series by the value of a label, and how they differ from those of another time.
import type { InstantSeries } from '../api/query';
import { parseValue } from '../format/number';

export interface Count {
  value: string;
  now: number;
  /** `undefined` where it was not among those that were counted. */
  before: number | undefined;
}

/** A query that counts the series of a selector by a label, the most first. */
export function countQuery(selector: string, label: string, limit: number, offset: string): string {
  const of = selector.trim();
  const from = of === '' ? '{__name__!=""}' : of;
  const back = offset === '' ? '' : ` offset ${offset}`;
  return `topk(${limit}, count by (${label}) (${from}${back}))`;
}

function byValue(series: InstantSeries[], label: string): Map<string, number> {
  return new Map(
    series.map((one) => [one.metric[label] ?? '', parseValue(one.value?.[1] ?? '0')]),
  );
}

/** The counts of now with those of before; what differs the most comes first where both are there. */
export function counts(
  now: InstantSeries[],
  before: InstantSeries[] | undefined,
  label: string,
): Count[] {
  const [is, was] = [byValue(now, label), before && byValue(before, label)];
  const values = [...new Set([...is.keys(), ...(was?.keys() ?? [])])];
  const all = values.map((value) => ({ value, now: is.get(value) ?? 0, before: was?.get(value) }));
  const change = (count: Count) => Math.abs(count.now - (count.before ?? 0));
  return all.sort((a, b) => (was === undefined ? b.now - a.now : change(b) - change(a)));
}
