// Histograms of the API as the cells of a heatmap.
import { expect, it } from 'vitest';
import type { RangeSeries } from '../api/query';
import { countOf, heatmap, placeOf, rowAt, ROWS_MAX, strength } from './heatmap';

type Bucket = [number, string, string, string];

const native = (buckets: Bucket[][], stepS = 10): RangeSeries => ({
  metric: { __name__: 'n' },
  histograms: buckets.map((one, index) => [index * stepS, { count: '0', sum: '0', buckets: one }]),
});

const classic = (le: string, values: string[]): RangeSeries => ({
  metric: { job: 'a', le },
  values: values.map((value, index) => [index * 10, value]),
});

const cells = (map: ReturnType<typeof heatmap>) => map?.counts.map((row) => [...row]);

it('native histograms: a bucket a row, sums of all series', () => {
  const one = native([[[0, '1', '2', '3'], [0, '2', '4', '5']], [[0, '2', '4', '1']]]);
  const map = heatmap([one, one, { metric: {}, values: [[0, '1']] }], 0, 10_000, 10_000);
  expect(map?.bounds).toEqual([1, 2, 4]);
  expect(cells(map)).toEqual([[6, 0], [10, 2]]);
  expect([map?.max, map?.others, map?.times]).toEqual([10, 1, [0, 10]]);
  expect(map?.places).toEqual([0, 1, 2]);
});

it('a bucket of a coarser resolution is shared out', () => {
  const map = heatmap(
    [native([[[0, '1', '2', '4'], [0, '2', '4', '6']], [[0, '1', '4', '8']]])],
    0, 10_000, 10_000,
  );
  expect(cells(map)).toEqual([[4, 4], [6, 4]]);
});

it('classic histograms: what is counted between two bounds', () => {
  const series = [
    classic('+Inf', ['9', '10']), classic('0.5', ['2', '2']), classic('1', ['6', '5']),
  ];
  const map = heatmap(series, 0, 10_000, 10_000);
  expect(map?.bounds).toEqual([0, 0.5, 1, Infinity]);
  expect(cells(map)).toEqual([[2, 2], [4, 3], [3, 5]]);
});

it('negative buckets, one around nought, and a gap that is not drawn in full', () => {
  const map = heatmap(
    [native([[[1, '-2', '-1', '1'], [3, '-1e-128', '1e-128', '2'], [0, '1', '2', '3']]])],
    0, 0, 10_000,
  );
  expect(map?.bounds).toEqual([-2, -1, -1e-128, 1e-128, 1, 2]);
  expect(cells(map)).toEqual([[1], [0], [2], [0], [3]]);
  expect(map?.places).toEqual([0, 1, 3, 4, 6, 7]);
});

it('bounds that were rounded are one, and so are too many of them', () => {
  const rounded = heatmap(
    [native([[[0, '1', '2', '4']], [[0, '1', '2.0000000000001', '4'], [0, '2', '4', '1']]])],
    0, 10_000, 10_000,
  );
  expect(rounded?.bounds).toEqual([1, 2, 4]);
  expect(cells(rounded)).toEqual([[4, 4], [0, 1]]);
  const fine = Array.from({ length: 2000 }, (_, index): Bucket => [
    0, String(1.01 ** index), String(1.01 ** (index + 1)), '1',
  ]);
  const many = heatmap([native([fine])], 0, 0, 10_000);
  expect(many?.counts.length).toBeLessThanOrEqual(ROWS_MAX);
  const sum = many?.counts.reduce((all, row) => all + (row[0] ?? 0), 0);
  expect(sum).toBeCloseTo(2000);
});

it('what is no histogram has no cells', () => {
  expect(heatmap([{ metric: {}, values: [[0, '1']] }], 0, 0, 10_000)).toBeUndefined();
  expect(heatmap([classic('none', ['1'])], 0, 0, 10_000)).toBeUndefined();
});

it('places, rows and the scale of counts', () => {
  const map = heatmap([native([[[0, '1', '2', '3'], [0, '2', '4', '5']]])], 0, 0, 10_000);
  if (map === undefined) throw new Error('no cells');
  expect([rowAt(map, -1), rowAt(map, 0.5), rowAt(map, 1.5), rowAt(map, 9)]).toEqual([0, 0, 1, 1]);
  expect([placeOf(map, 0), placeOf(map, 1.5), placeOf(map, 3), placeOf(map, 9)]).toEqual([0, 0.5, 1.5, 2]);
  expect(strength(25, 100)).toBe(0.5);
  expect(countOf(0.5, 100)).toBe(25);
  expect(strength(0, 0)).toBe(0);
});
