// The answers of queries, and the tree of a parsed one.
import type { Labels } from './labels';

/** Seconds since the epoch, and a value as text. */
export type Point = [number, string];

export interface NativeHistogram {
  count: string;
  sum: string;
  /** Each: which bounds belong to it, the lower, the upper bound, the count. */
  buckets?: [number, string, string, string][];
}

export type HistogramPoint = [number, NativeHistogram];

export interface InstantSeries {
  metric: Labels;
  value?: Point;
  histogram?: HistogramPoint;
}

export interface RangeSeries {
  metric: Labels;
  values?: Point[];
  histograms?: HistogramPoint[];
}

/** What a query took: times in seconds, and samples where they were counted. */
export interface QueryStats {
  timings: Record<string, number>;
  samples?: { totalQueryableSamples: number; samplesRead?: number; peakSamples: number };
}

export type QueryData = (
  | { resultType: 'vector'; result: InstantSeries[] }
  | { resultType: 'matrix'; result: RangeSeries[] }
  | { resultType: 'scalar' | 'string'; result: Point }
) & { stats?: QueryStats };

/** The exemplars of one series; a timestamp is seconds since the epoch. */
export interface ExemplarSeries {
  seriesLabels: Labels;
  exemplars: { labels: Labels; value: string; timestamp: number }[];
}

/** What is known of a metric: of each target that says something else there is an entry. */
export interface MetricMetadata {
  type: string;
  help: string;
  unit: string;
}

/** A query that somebody keeps on the server: `panels` is the address's query of the page. */
export interface SavedQuery {
  id: string;
  name: string;
  panels: string;
  updatedAt: string;
}

/** A node of `/api/v1/parse_query`; what else it has depends on its type. */
export interface SyntaxNode {
  type: string;
  [field: string]: unknown;
}
