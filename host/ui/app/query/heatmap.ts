// Histograms over time as cells: a column for each step, a row for each bucket. Native histograms
// and classic ones, whose buckets are series with `le`, become the same cells.
import type { RangeSeries } from '../api/query';
import { parseValue } from '../format/number';
import { seriesName } from '../format/series';

/** More rows than this are finer than the pixels of a screen; the buckets of some are put together. */
export const ROWS_MAX = 400;

/** Two bounds that are nearer to each other than this part of them are one: they were rounded. */
const NEAR = 1e-9;

/** A row in which nothing ever was has at most so many times the height of the usual one. */
const EMPTY_HEIGHT_MAX = 2;

export interface Heatmap {
  /** Seconds since the epoch, one a column. */
  times: number[];
  /** The bounds of the rows, from the lowest: one more than there are rows. */
  bounds: number[];
  /** Where each bound lies on the axis, in heights of the usual row. */
  places: number[];
  /** What was counted in each row at each time. */
  counts: Float64Array[];
  /** The most that a cell has. */
  max: number;
  /** So many series are no histograms, and are not in it. */
  others: number;
}

/** What one bucket counted at one time. */
type Take = (column: number, low: number, high: number, count: number) => void;

interface Grid {
  startMs: number;
  stepMs: number;
  columns: number;
}

function column(grid: Grid, seconds: number): number | undefined {
  const place = Math.round((seconds * 1000 - grid.startMs) / grid.stepMs);
  return place >= 0 && place < grid.columns ? place : undefined;
}

function eachNative(series: RangeSeries, grid: Grid, take: Take): void {
  for (const [time, histogram] of series.histograms ?? []) {
    const at = column(grid, time);
    if (at === undefined) continue;
    for (const [, low, high, count] of histogram.buckets ?? []) {
      take(at, parseValue(low), parseValue(high), Number(count));
    }
  }
}

/** The buckets of one classic histogram: its series by their upper bounds, which count upwards. */
function eachClassic(buckets: RangeSeries[], grid: Grid, take: Take): void {
  const sorted = buckets
    .map((one) => ({ high: parseValue(one.metric.le ?? ''), values: one.values ?? [] }))
    .filter(({ high }) => !Number.isNaN(high))
    .sort((a, b) => a.high - b.high);
  const below = new Float64Array(grid.columns);
  const lows = new Array<number | undefined>(grid.columns);
  for (const { high, values } of sorted) {
    for (const [time, text] of values) {
      const at = column(grid, time);
      const value = parseValue(text);
      if (at === undefined || !Number.isFinite(value)) continue;
      const before = below[at] ?? 0;
      // What is below the lowest bound is seldom below nought.
      const low = lows[at] ?? (high > 0 ? 0 : -Infinity);
      take(at, low, high, Math.max(0, value - before));
      below[at] = Math.max(before, value);
      lows[at] = high;
    }
  }
}

function isClassic(series: RangeSeries): boolean {
  return series.metric.le !== undefined && (series.values ?? []).length > 0;
}

/** Series with `le` by the histogram that they belong to. */
function classics(series: RangeSeries[]): RangeSeries[][] {
  const groups = new Map<string, RangeSeries[]>();
  for (const one of series.filter(isClassic)) {
    const { le: _, ...rest } = one.metric;
    const name = seriesName(rest);
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return [...groups.values()];
}

function each(series: RangeSeries[], grid: Grid, take: Take): void {
  for (const one of series) eachNative(one, grid, take);
  for (const buckets of classics(series)) eachClassic(buckets, grid, take);
}

function isNear(a: number, b: number): boolean {
  if (a === b || !Number.isFinite(a) || !Number.isFinite(b)) return a === b;
  return Math.abs(a - b) <= NEAR * Math.max(Math.abs(a), Math.abs(b));
}

/** Bounds in order, each once, and no more than there may be rows. */
function distinct(all: Iterable<number>): number[] {
  const sorted = [...new Set(all)].sort((a, b) => a - b);
  const kept = sorted.filter((one, index) => index === 0 || !isNear(one, sorted[index - 1] ?? NaN));
  const every = Math.ceil((kept.length - 1) / ROWS_MAX);
  if (every <= 1) return kept;
  return kept.filter((_, index) => index % every === 0 || index === kept.length - 1);
}

/** The place of the last bound that is not above a value. */
function atOrBelow(bounds: number[], value: number): number {
  let [low, high] = [0, bounds.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const bound = bounds[middle] ?? Infinity;
    if (bound <= value || isNear(bound, value)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** How high rows are: by the ratio of their bounds, as buckets of histograms grow so. */
function heights(bounds: number[], isEmpty: (row: number) => boolean): number[] {
  const ratios = bounds.slice(1).map((high, row) => {
    const low = bounds[row] ?? 0;
    const isOneSided = low * high > 0 && Number.isFinite(low) && Number.isFinite(high);
    return isOneSided ? Math.abs(Math.log2(high / low)) : undefined;
  });
  const known = ratios
    .filter((ratio, row): ratio is number => ratio !== undefined && !isEmpty(row))
    .sort((a, b) => a - b);
  const usual = known[Math.floor(known.length / 2)] || 1;
  return ratios.map((ratio, row) => {
    const height = ratio === undefined ? 1 : ratio / usual;
    return isEmpty(row) ? Math.min(height, EMPTY_HEIGHT_MAX) : height;
  });
}

/** The cells of these series; `undefined` where none of them is a histogram. */
export function heatmap(
  series: RangeSeries[],
  startMs: number,
  endMs: number,
  stepMs: number,
): Heatmap | undefined {
  const columns = Math.floor((endMs - startMs) / stepMs) + 1;
  const grid = { startMs, stepMs, columns };
  const seen = new Set<number>();
  each(series, grid, (_, low, high) => {
    seen.add(low);
    seen.add(high);
  });
  const bounds = distinct(seen);
  if (bounds.length < 2) return undefined;
  const rows = bounds.length - 1;
  const counts = Array.from({ length: rows }, () => new Float64Array(columns));
  each(series, grid, (at, low, high, count) => {
    if (!(count > 0)) return;
    const first = Math.min(atOrBelow(bounds, low), rows - 1);
    const top = atOrBelow(bounds, high);
    // Its upper bound may lie within a row that several buckets share.
    const isBound = isNear(bounds[top] ?? NaN, high);
    const last = Math.max(first, Math.min(isBound ? top - 1 : top, rows - 1));
    // A bucket that is wider than rows, as resolutions change, is shared out among them.
    const share = count / (last - first + 1);
    for (let row = first; row <= last; row += 1) {
      const cells = counts[row];
      if (cells !== undefined) cells[at] = (cells[at] ?? 0) + share;
    }
  });
  let max = 0;
  const highest = counts.map((cells) => {
    const most = cells.reduce((a, b) => Math.max(a, b), 0);
    max = Math.max(max, most);
    return most;
  });
  const places = [0];
  for (const height of heights(bounds, (row) => highest[row] === 0)) {
    places.push((places.at(-1) ?? 0) + height);
  }
  return {
    times: Array.from({ length: columns }, (_, index) => (startMs + index * stepMs) / 1000),
    bounds,
    places,
    counts,
    max,
    others: series.filter((one) => (one.histograms ?? []).length === 0 && !isClassic(one)).length,
  };
}

/** The row at a place of the axis. */
export function rowAt(map: Heatmap, place: number): number {
  return Math.min(atOrBelow(map.places, place), map.counts.length - 1);
}

/** Where a value lies on the axis, within its row by its part of it. */
export function placeOf(map: Heatmap, value: number): number {
  const row = Math.min(atOrBelow(map.bounds, value), map.counts.length - 1);
  const [low, high] = [map.bounds[row] ?? 0, map.bounds[row + 1] ?? 0];
  const [from, to] = [map.places[row] ?? 0, map.places[row + 1] ?? 0];
  const part = Number.isFinite(low) && Number.isFinite(high) ? (value - low) / (high - low) : 0.5;
  return from + (to - from) * Math.max(0, Math.min(1, part));
}

/** How dark a cell is, from 0 to 1: by the root, so that few are seen beside many. */
export function strength(count: number, max: number): number {
  return max > 0 ? Math.sqrt(count / max) : 0;
}

/** What a cell counts whose darkness this is. */
export function countOf(strong: number, max: number): number {
  return strong * strong * max;
}
