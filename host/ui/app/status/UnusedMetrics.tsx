// Metrics that take room and that nobody asks for: no rule, no dashboard, and no query since the start.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { UnusedMetrics as Unused } from '../api/status';
import { formatCount } from '../format/number';
import { formatTime } from '../format/time';
import { ExprLink } from '../frame/ExprLink';
import { Loaded } from '../frame/Loaded';
import { More } from '../frame/More';
import { useLocalTime } from '../frame/preferences';

/** So many are asked for; the rest is only counted. */
const LIMIT = 1000;

const STEP = 25;

function Summary({ data }: { data: Unused }) {
  const [isLocal] = useLocalTime();
  return (
    <p className="quiet small">
      Of {formatCount(data.metrics)} metrics {formatCount(data.unusedMetrics)}, with{' '}
      {formatCount(data.unusedSeries)} series, are in no rule, in no dashboard of this server, and in none of
      the {formatCount(data.queries)} queries since {formatTime(Date.parse(data.since), isLocal)}. What is read
      otherwise, as by remote read, is not known.
      {!data.isComplete && ' More was asked for than is kept, so some of them may be in use.'}
    </p>
  );
}

export function UnusedMetrics() {
  const query = useQuery({
    queryKey: ['unused-metrics'],
    queryFn: async ({ signal }) =>
      (await get<Unused>('status/unused_metrics', { limit: LIMIT }, signal)).data,
  });
  return (
    <section className="card">
      <h2 className="small">Metrics that nobody asks for</h2>
      <Loaded query={query}>
        {(data) => (
          <>
            <Summary data={data} />
            {data.unused.length === 0 ? (
              <p className="quiet">All of them are asked for.</p>
            ) : (
              <More of={data.unused} step={STEP} name="metrics">
                {(some) => (
                  <div className="wide">
                    <table>
                      <thead>
                        <tr>
                          <th scope="col">Metric name</th>
                          <th scope="col" className="number">Series</th>
                        </tr>
                      </thead>
                      <tbody>
                        {some.map((metric) => (
                          <tr key={metric.name}>
                            <td className="mono wraps">
                              <ExprLink expr={selectorOf(metric.name)} />
                            </td>
                            <td className="number">{formatCount(metric.value)}</td>
                          </tr>
                        ))}
                      </tbody>
                    </table>
                  </div>
                )}
              </More>
            )}
          </>
        )}
      </Loaded>
    </section>
  );
}

/** A selector of a metric, whatever its name. */
function selectorOf(name: string): string {
  return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) ? name : `{${JSON.stringify(name)}}`;
}
