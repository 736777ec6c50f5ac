// A range of series as columns of a plot: one of times, one of values for each series.
import type { RangeSeries } from '../api/query';

/** A column of times in seconds, then one of values a series; a gap is null. */
export type Columns = [number[], ...(number | null)[][]];

/**
 * The columns between start and end, at each step. Points that are no numbers of this world are
 * gaps, as a plot has no place for them. Native histograms are left out: `histograms` counts them.
 */
export function columns(
  series: RangeSeries[],
  startMs: number,
  endMs: number,
  step: number,
): { columns: Columns; histograms: number } {
  const count = Math.floor((endMs - startMs) / step) + 1;
  const times = Array.from({ length: count }, (_, index) => (startMs + index * step) / 1000);
  const values = series.map((one) => {
    // Grown from nothing: an array of numbers without a gap is kept by engines in an eighth of the
    // pieces of memory.
    const column: (number | null)[] = [];
    for (const [time, text] of one.values ?? []) {
      const place = Math.round((time * 1000 - startMs) / step);
      const value = Number(text);
      if (place < 0 || place >= count || !Number.isFinite(value)) continue;
      while (column.length < place) column.push(null);
      column[place] = value;
    }
    while (column.length < count) column.push(null);
    return column;
  });
  const histograms = series.filter((one) => (one.histograms ?? []).length > 0).length;
  return { columns: [times, ...values], histograms };
}

/** The columns on top of each other; a gap counts as nothing and stays a gap. */
export function stack(plain: Columns): Columns {
  const [times, ...values] = plain;
  const sums = new Array<number>(times.length).fill(0);
  const stacked = values.map((column) =>
    column.map((value, index) => {
      if (value === null) return null;
      const sum = (sums[index] ?? 0) + value;
      sums[index] = sum;
      return sum;
    }),
  );
  return [times, ...stacked];
}
