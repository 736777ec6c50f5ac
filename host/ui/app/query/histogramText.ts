// A native histogram as a text, for tables and files.
import type { NativeHistogram } from '../api/query';

/** Its count and sum, then a line for each bucket. */
export function histogramText(histogram: NativeHistogram): string {
  const buckets = (histogram.buckets ?? []).map(([bounds, low, high, count]) => {
    const left = bounds === 1 || bounds === 3 ? '[' : '(';
    const right = bounds === 0 || bounds === 3 ? ']' : ')';
    return `${left}${low}, ${high}${right}: ${count}`;
  });
  return [`count ${histogram.count}, sum ${histogram.sum}`, ...buckets].join('\n');
}
