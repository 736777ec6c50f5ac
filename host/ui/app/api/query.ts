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

export type QueryData =
  | { resultType: 'vector'; result: InstantSeries[] }
  | { resultType: 'matrix'; result: RangeSeries[] }
  | { resultType: 'scalar' | 'string'; result: Point };

/** A node of `/api/v1/parse_query`; what else it has depends on its type. */
export interface SyntaxNode {
  type: string;
  [field: string]: unknown;
}
