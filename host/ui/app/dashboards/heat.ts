// Histograms over time as cells: one for each time and bucket. Buckets are those of native
// histograms, or the series of a classic one, whose `le` says where each ends.
import type { NativeHistogram, RangeSeries } from '../api/query';
import { parseValue } from '../format/number';

/** More bands than this nobody can tell apart; neighbours become one. */
export const BANDS_MAX = 60;

export interface Band {
  low: number;
  high: number;
}

export interface Heat {
  /** Seconds, in their order. */
  times: number[];
  /** From the lowest. */
  bands: Band[];
  /** For each time the counts of the bands. */
  counts: number[][];
}

interface Cell {
  time: number;
  low: number;
  high: number;
  count: number;
}

function nativeCells(time: number, histogram: NativeHistogram): Cell[] {
  return (histogram.buckets ?? []).map(([, low, high, count]) => ({
    time,
    low: parseValue(low),
    high: parseValue(high),
    count: parseValue(count),
  }));
}

/** Each series of a classic histogram counts all that is below its bound. */
function classicCells(series: RangeSeries[]): Cell[] {
  const bounded = series
    .filter((one) => one.metric.le !== undefined)
    .map((one) => ({
      bound: parseValue(one.metric.le ?? ''),
      values: new Map((one.values ?? []).map(([time, value]) => [time, parseValue(value)])),
    }))
    .filter(({ bound }) => !Number.isNaN(bound));
  // Histograms of several are one: what they count below a bound is added up.
  const byBound = new Map<number, Map<number, number>>();
  for (const { bound, values } of bounded) {
    const sums = byBound.get(bound) ?? new Map<number, number>();
    for (const [time, value] of values) {
      if (Number.isFinite(value)) sums.set(time, (sums.get(time) ?? 0) + value);
    }
    byBound.set(bound, sums);
  }
  const bounds = [...byBound.keys()].sort((a, b) => a - b);
  return bounds.flatMap((high, place) => {
    const below = bounds[place - 1];
    const low = below ?? (high > 0 ? 0 : -Infinity);
    const before = below === undefined ? undefined : byBound.get(below);
    return [...(byBound.get(high) ?? [])].map(([time, value]) => ({
      time,
      low,
      high,
      count: Math.max(0, value - (before?.get(time) ?? 0)),
    }));
  });
}

/** The cells of an answer. */
export function heatOf(series: RangeSeries[]): Heat {
  const native = series.flatMap((one) =>
    (one.histograms ?? []).flatMap(([time, histogram]) => nativeCells(time, histogram)),
  );
  const cells = [...native, ...classicCells(series)].filter(
    (cell) => Number.isFinite(cell.count) && !Number.isNaN(cell.low) && !Number.isNaN(cell.high),
  );
  const times = [...new Set(cells.map((cell) => cell.time))].sort((a, b) => a - b);
  const all = [...new Map(cells.map((cell) => [`${cell.low} ${cell.high}`, cell])).values()];
  all.sort((a, b) => a.low - b.low || a.high - b.high);
  const together = Math.max(1, Math.ceil(all.length / BANDS_MAX));
  const bands: Band[] = [];
  const bandOf = new Map<string, number>();
  all.forEach((cell, place) => {
    const number = Math.floor(place / together);
    const band = bands[number];
    bands[number] =
      band === undefined
        ? { low: cell.low, high: cell.high }
        : { low: Math.min(band.low, cell.low), high: Math.max(band.high, cell.high) };
    bandOf.set(`${cell.low} ${cell.high}`, number);
  });
  const timeAt = new Map(times.map((time, place) => [time, place]));
  const counts = times.map(() => bands.map(() => 0));
  for (const cell of cells) {
    const column = counts[timeAt.get(cell.time) ?? -1];
    const band = bandOf.get(`${cell.low} ${cell.high}`);
    if (column !== undefined && band !== undefined) column[band] = (column[band] ?? 0) + cell.count;
  }
  return { times, bands, counts };
}
