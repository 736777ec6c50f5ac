// What Explain says of a selector's series.
import { expect, it } from 'vitest';
import { labelCounts, selectivity } from './cardinality';

it('labels with the most values come first', () => {
  const series: Record<string, string>[] = [
    { __name__: 'up', job: 'a', instance: '1' },
    { __name__: 'up', job: 'a', instance: '2', zone: 'z' },
  ];
  expect(labelCounts(series)).toEqual([['instance', 2], ['job', 1], ['zone', 1]]);
});

it.each([
  [3, undefined, '3 series'],
  [3, 12, '3 of 12 series (25 %)'],
  [1, 1000, '1 of 1\u202f000 series (< 1 %)'],
  [0, 0, '0 series'],
  [0, 7, '0 of 7 series (0 %)'],
  [5, 4, '5 series'],
] as const)('%s of %s', (found, all, text) => {
  expect(selectivity(found, all)).toBe(text);
});
