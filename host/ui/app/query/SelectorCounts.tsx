// How many series a selector finds, of how many, and how many values each of their labels has.
import { useQuery } from '@tanstack/react-query';
import { ApiError, post } from '../api/client';
import type { QueryData } from '../api/query';
import { formatCount } from '../format/number';
import { labelCounts, selectivity } from './cardinality';
import type { Selector } from './syntax';

/** The labels of so many series are counted. */
const SERIES_MAX = 1000;

/** So many labels are named, those with the most values. */
const LABELS_MAX = 8;

async function count(expr: string, time: number, signal: AbortSignal): Promise<number> {
  const { data } = await post<QueryData>('query', { query: `count(${expr})`, time }, signal);
  return data.resultType === 'vector' ? Number(data.result[0]?.value?.[1] ?? 0) : 0;
}

export function SelectorCounts({ selector, endMs }: { selector: Selector; endMs: number | undefined }) {
  const query = useQuery({
    queryKey: ['selectivity', selector, endMs],
    queryFn: async ({ signal }) => {
      const time = (endMs ?? Date.now()) / 1000;
      const [found, all, sample] = await Promise.all([
        count(selector.text, time, signal),
        selector.metric === undefined ? undefined : count(selector.metric, time, signal),
        post<QueryData>('query', { query: selector.text, time, limit: SERIES_MAX }, signal),
      ]);
      const { data } = sample;
      const series = data.resultType === 'vector' ? data.result.map((one) => one.metric) : [];
      return { found, all, labels: labelCounts(series) };
    },
  });
  if (query.isPending) return <div className="quiet small">Series are counted…</div>;
  if (query.data === undefined) {
    const reason = query.error instanceof ApiError ? query.error.message : 'no answer';
    return <div className="wait small wraps">Its series cannot be counted: {reason}</div>;
  }
  const { found, all, labels } = query.data;
  // Where not all were read, a label may have more values.
  const more = found > SERIES_MAX ? '≥ ' : '';
  return (
    <div className="small counts">
      <span>{selectivity(found, all)}</span>
      {labels.slice(0, LABELS_MAX).map(([label, values]) => (
        <span key={label} className="label">
          <b>{label}</b> {more}
          {formatCount(values)}
        </span>
      ))}
      {labels.length > LABELS_MAX && (
        <span className="quiet">and {labels.length - LABELS_MAX} more labels</span>
      )}
    </div>
  );
}
