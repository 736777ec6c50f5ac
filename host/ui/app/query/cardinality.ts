// How many series there are and how their labels differ.
import type { Labels } from '../api/labels';
import { formatCount } from '../format/number';

/** Each label with how many values it has, those with the most first. */
export function labelCounts(series: Labels[]): [string, number][] {
  const values = new Map<string, Set<string>>();
  for (const labels of series) {
    for (const [label, value] of Object.entries(labels)) {
      if (label === '__name__') continue;
      const known = values.get(label) ?? new Set();
      values.set(label, known.add(value));
    }
  }
  return [...values]
    .map(([label, known]): [string, number] => [label, known.size])
    .sort(([a, ofA], [b, ofB]) => ofB - ofA || (a < b ? -1 : 1));
}

/** How many series a selector finds of those of its metric, where it asks for some of them. */
export function selectivity(found: number, all: number | undefined): string {
  const series = `${formatCount(found)} series`;
  if (all === undefined || all < found || all === 0) return series;
  const percent = (found / all) * 100;
  const part = percent > 0 && percent < 1 ? '< 1' : String(Math.round(percent));
  return `${formatCount(found)} of ${formatCount(all)} series (${part} %)`;
}
