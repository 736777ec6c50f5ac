// Answers of the API as columns of a plot.
import { expect, it } from 'vitest';
import { columns, stack } from './plotData';

const series = [
  { metric: { a: '1' }, values: [[0, '1'], [10, '2'], [20, 'NaN']] as [number, string][] },
  { metric: { a: '2' }, values: [[10, '+Inf'], [20, '4'], [40, '9']] as [number, string][] },
  { metric: { a: '3' }, histograms: [[0, { count: '1', sum: '1' }]] as [number, { count: string; sum: string }][] },
];

it('each point has its place, and what is no number is a gap', () => {
  const made = columns(series, 0, 30_000, 10_000);
  expect(made.columns).toEqual([
    [0, 10, 20, 30],
    [1, 2, null, null],
    [null, null, 4, null],
    [null, null, null, null],
  ]);
  expect(made.histograms).toBe(1);
});

it('columns are put on top of each other', () => {
  expect(stack([[0, 1], [1, 2], [null, 3], [4, 5]])).toEqual([
    [0, 1], [1, 2], [null, 5], [5, 10],
  ]);
});
