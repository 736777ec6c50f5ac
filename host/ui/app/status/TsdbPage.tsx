// The store: how much is in its head, what takes the most of it, and which blocks there are.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { NamedCount, TsdbStatus } from '../api/status';
import { formatBytes, formatCount } from '../format/number';
import { formatTime } from '../format/time';
import { Choice } from '../frame/Choice';
import { useParameter } from '../frame/Filter';
import { Loaded, Refresh } from '../frame/Loaded';
import { Page } from '../frame/Page';
import { useLocalTime } from '../frame/preferences';
import { Blocks } from './Blocks';
import { SeriesCounts } from './SeriesCounts';
import { UnusedMetrics } from './UnusedMetrics';

const LIMITS = ['10', '25', '50', '100'].map((value) => ({ value, label: value }));

function TopList(props: {
  title: string;
  name: string;
  unit: string;
  entries: NamedCount[];
  format: (value: number) => string;
}) {
  const most = Math.max(1, ...props.entries.map((entry) => entry.value));
  return (
    <section className="card">
      <h2 className="small">{props.title}</h2>
      <div className="wide">
        <table>
          <thead>
            <tr>
              <th scope="col">{props.name}</th>
              <th scope="col" className="number">
                {props.unit}
              </th>
            </tr>
          </thead>
          <tbody>
            {props.entries.map((entry) => (
              <tr key={entry.name}>
                <td className="mono wraps">
                  {entry.name}
                  <div className="bar" style={{ width: `${(entry.value / most) * 100}%` }} />
                </td>
                <td className="number">{props.format(entry.value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Head({ stats }: { stats: TsdbStatus['headStats'] }) {
  const [isLocal] = useLocalTime();
  // An empty head has the largest and the smallest time there are.
  const time = (timeMs: number) =>
    Math.abs(timeMs) > 8.64e15 ? '–' : formatTime(timeMs, isLocal);
  return (
    <section className="card">
      <h2 className="small">Head</h2>
      <dl className="facts">
        <dt>Series</dt>
        <dd>{formatCount(stats.numSeries)}</dd>
        <dt>Chunks</dt>
        <dd>{formatCount(stats.chunkCount)}</dd>
        <dt>Label pairs</dt>
        <dd>{formatCount(stats.numLabelPairs)}</dd>
        <dt>Oldest sample</dt>
        <dd>{time(stats.minTime)}</dd>
        <dt>Newest sample</dt>
        <dd>{time(stats.maxTime)}</dd>
      </dl>
    </section>
  );
}

export function TsdbPage() {
  const [chosen, setLimit] = useParameter('limit');
  const limit = LIMITS.some(({ value }) => value === chosen) ? chosen : '10';
  const query = useQuery({
    queryKey: ['tsdb', limit],
    queryFn: async ({ signal }) => (await get<TsdbStatus>('status/tsdb', { limit }, signal)).data,
  });
  return (
    <Page title="TSDB status" actions={<Refresh query={query} />}>
      <div className="tools">
        <Choice label="Entries of each list" value={limit} options={LIMITS} onChange={setLimit} />
      </div>
      <Loaded query={query}>
        {(data) => (
          <>
            <Head stats={data.headStats} />
            <div className="grid">
              <TopList
                title="Metric names with the most series"
                name="Metric name"
                unit="Series"
                entries={data.seriesCountByMetricName}
                format={formatCount}
              />
              <TopList
                title="Label names with the most values"
                name="Label name"
                unit="Values"
                entries={data.labelValueCountByLabelName}
                format={formatCount}
              />
              <TopList
                title="Label pairs with the most series"
                name="Label pair"
                unit="Series"
                entries={data.seriesCountByLabelValuePair}
                format={formatCount}
              />
              <TopList
                title="Label names whose values take the most memory"
                name="Label name"
                unit="Bytes"
                entries={data.memoryInBytesByLabelName}
                format={formatBytes}
              />
            </div>
          </>
        )}
      </Loaded>
      <SeriesCounts />
      <UnusedMetrics />
      <Blocks />
    </Page>
  );
}
