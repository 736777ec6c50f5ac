// The metrics that the server knows, with their types and what they are for; a press writes one into
// the expression.
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { get } from '../api/client';
import type { MetricMetadata } from '../api/query';
import { Choice } from '../frame/Choice';
import { hasWords } from '../format/words';
import { Filter } from '../frame/Filter';
import { Loaded } from '../frame/Loaded';
import { More } from '../frame/More';
import { formatCount } from '../format/number';
import { describeMetrics, type Metric } from './metrics';

/** More names than this are not listed: who looks for one writes a part of it into the editor. */
const NAMES_MAX = 50_000;

/** So many are shown at first. */
const ROWS_STEP = 50;

function List({ metrics, onChoose }: { metrics: Metric[]; onChoose: (name: string) => void }) {
  const [search, setSearch] = useState('');
  const [type, setType] = useState('');
  const types = useMemo(() => [...new Set(metrics.map((one) => one.type))].sort(), [metrics]);
  const found = metrics.filter(
    (one) => (type === '' || one.type === type) && hasWords(search, [one.name, one.help]),
  );
  return (
    <>
      <div className="tools">
        <Filter label="Search metrics and what they are for" value={search} onChange={setSearch} />
        <Choice
          label="Type"
          value={type}
          options={[
            { value: '', label: 'All' },
            ...types.map((one) => ({ value: one, label: one === '' ? 'not known' : one })),
          ]}
          onChange={setType}
        />
      </div>
      <p className="quiet small" role="status">
        {formatCount(found.length)} metrics
        {metrics.length >= NAMES_MAX && `; only ${formatCount(NAMES_MAX)} were read`}
      </p>
      <More key={`${type} ${search}`} of={found} step={ROWS_STEP} name="metrics">
        {(shown) => (
          <ul className="metrics" aria-label="Metrics">
            {shown.map((one) => (
              <li key={one.name}>
                <button type="button" onClick={() => onChoose(one.name)}>
                  <span className="mono">{one.name}</span>{' '}
                  {one.type !== '' && <span className="kind">{one.type}</span>}{' '}
                  <span className="quiet small">{one.help}</span>
                </button>
              </li>
            ))}
          </ul>
        )}
      </More>
    </>
  );
}

export function MetricsExplorer({ onChoose }: { onChoose: (name: string) => void }) {
  const query = useQuery({
    queryKey: ['metrics explorer'],
    queryFn: async ({ signal }) => {
      const [names, metadata] = await Promise.all([
        get<string[]>('label/__name__/values', { limit: NAMES_MAX }, signal),
        get<Record<string, MetricMetadata[]>>('metadata', {}, signal),
      ]);
      return describeMetrics(names.data, metadata.data);
    },
  });
  return (
    <section className="past" aria-label="Metrics explorer">
      <Loaded query={query}>{(metrics) => <List metrics={metrics} onChoose={onChoose} />}</Loaded>
    </section>
  );
}
