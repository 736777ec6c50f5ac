// What is asked for a panel's query, and how its answers are named.
import { formatDuration } from '../format/duration';
import { seriesName } from '../format/series';
import { interpolateQuery, type Values, type VariableValue } from './interpolation';
import type { PanelQuery } from './spec';

/** The time that a dashboard shows, in milliseconds. */
export interface TimeRange {
  startMs: number;
  endMs: number;
}

/** So many points a graph of a dashboard has, about. */
const POINTS = 250;

/** What is scraped is assumed to be scraped this often: a rate needs two samples. */
const SCRAPE_INTERVAL_MS = 60_000;

/** The step of a panel: whole seconds, and no shorter than one of its queries wants. */
export function stepOf(range: TimeRange, queries: PanelQuery[]): number {
  const step = Math.ceil((range.endMs - range.startMs) / POINTS / 1000) * 1000;
  return Math.max(step, 1000, ...queries.map((query) => query.minStepMs ?? 0));
}

/** The range in whole steps. It ends where it should: what is newest is what people look for. */
export function inSteps(range: TimeRange, stepMs: number): TimeRange {
  const steps = Math.floor((range.endMs - range.startMs) / stepMs);
  return { startMs: range.endMs - steps * stepMs, endMs: range.endMs };
}

function builtIn(range: TimeRange, stepMs: number): [string, VariableValue][] {
  const rangeMs = range.endMs - range.startMs;
  const texts = {
    __interval: formatDuration(stepMs),
    __interval_ms: String(stepMs),
    __rate_interval: formatDuration(Math.max(stepMs + SCRAPE_INTERVAL_MS, 4 * SCRAPE_INTERVAL_MS)),
    __range: formatDuration(rangeMs),
    __range_s: String(Math.round(rangeMs / 1000)),
    __range_ms: String(rangeMs),
    __from: String(range.startMs),
    __to: String(range.endMs),
  };
  return Object.entries(texts).map(([name, text]) => [name, { texts: [text], isPattern: true }]);
}

/** What is sent for a query. */
export function written(
  query: PanelQuery,
  values: Values,
  range: TimeRange,
  stepMs: number,
): string {
  return interpolateQuery(query.expr, new Map([...values, ...builtIn(range, stepMs)]));
}

/** The name of a series by a query's format; the series itself where it has none. */
export function nameOf(query: PanelQuery, expr: string, metric: Record<string, string>): string {
  if (query.nameFormat !== undefined) {
    return query.nameFormat.replace(/\{\{\s*([^{}]*?)\s*\}\}/g, (_, label: string) => metric[label] ?? '');
  }
  const name = seriesName(metric);
  return name === '{}' ? expr : name;
}
