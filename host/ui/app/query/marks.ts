// What is marked on a graph beside its series: exemplars, and the times at which alerts fired.
import type { ExemplarSeries, RangeSeries } from '../api/query';
import type { Labels } from '../api/labels';
import { parseValue } from '../format/number';
import { seriesName } from '../format/series';

/** So many exemplars are marked, the newest: more cannot be told apart. */
export const EXEMPLARS_MAX = 500;

/** So many alerts are marked: those of the most times. */
export const ALERTS_MAX = 20;

export interface ExemplarMark {
  /** Seconds since the epoch. */
  time: number;
  value: number;
  /** What it was sent with: the id of a trace, as a rule. */
  labels: Labels;
  /** The series that it belongs to. */
  series: Labels;
}

/** A time during which an alert fired, in seconds since the epoch. */
export interface Span {
  from: number;
  to: number;
}

export interface AlertMark {
  name: string;
  spans: Span[];
}

/** The newest exemplars, the newest first, and how many there are. */
export function exemplarMarks(found: ExemplarSeries[]): { marks: ExemplarMark[]; all: number } {
  const marks = found
    .flatMap(({ seriesLabels, exemplars }) =>
      exemplars.map(({ timestamp, value, labels }) => ({
        time: timestamp,
        value: parseValue(value),
        labels,
        series: seriesLabels,
      })),
    )
    .filter(({ value }) => Number.isFinite(value))
    .sort((a, b) => b.time - a.time);
  return { marks: marks.slice(0, EXEMPLARS_MAX), all: marks.length };
}

/** The spans of points that follow each other at each step. */
export function spans(points: [number, string][], stepS: number): Span[] {
  const found: Span[] = [];
  for (const [time] of points) {
    const last = found.at(-1);
    // Half a step more, as times are rounded.
    if (last !== undefined && time - last.to <= stepS * 1.5) last.to = time;
    else found.push({ from: time, to: time });
  }
  return found;
}

/** Alerts by name with the spans in which they fired, those that fired longest first. */
export function alertMarks(series: RangeSeries[], stepS: number): AlertMark[] {
  return series
    .map((one) => ({
      name: one.metric.alertname ?? seriesName(one.metric),
      points: one.values ?? [],
    }))
    .filter(({ points }) => points.length > 0)
    .sort((a, b) => b.points.length - a.points.length || (a.name < b.name ? -1 : 1))
    .slice(0, ALERTS_MAX)
    .map(({ name, points }) => ({ name, spans: spans(points, stepS) }));
}

/** The mark whose distance from a place is the least, where one is near enough. */
export function nearestMark(
  marks: { left: number; top: number }[],
  left: number,
  top: number,
  pixelsMax: number,
): number | undefined {
  let best: number | undefined;
  let bestDistance = pixelsMax;
  marks.forEach((mark, index) => {
    const distance = Math.hypot(mark.left - left, mark.top - top);
    if (distance <= bestDistance) [best, bestDistance] = [index, distance];
  });
  return best;
}
