// What a query took on the server: samples, and where the time went. It is asked for when somebody
// wants to know: who counts samples evaluates every step itself, in place of those who have a part
// of the answer already, so that an answer with statistics can take many times as long.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { QueryStats } from '../api/query';
import { shortDuration } from '../format/duration';
import { formatCount } from '../format/number';
import { Loaded } from '../frame/Loaded';
import type { Counted } from './counted';

/** Prometheus' names of its timings, in the order in which they come. */
const TIMINGS: [string, string][] = [
  ['execQueueTime', 'Waited for its turn'],
  ['queryPreparationTime', 'Prepared and read'],
  ['innerEvalTime', 'Evaluated'],
  ['resultSortTime', 'Sorted'],
  ['evalTotalTime', 'Preparation to sorting'],
  ['execTotalTime', 'All together'],
];

function Facts({ stats }: { stats: QueryStats }) {
  const { samples, timings } = stats;
  const counts: [string, number | undefined][] = [
    ['Samples that its steps looked at', samples?.totalQueryableSamples],
    ['Samples read', samples?.samplesRead],
    ['Samples held at most', samples?.peakSamples],
  ];
  return (
    <dl className="facts" aria-label="Statistics">
      {counts.map(
        ([name, count]) =>
          count !== undefined && (
            <div key={name} className="fact">
              <dt>{name}</dt>
              <dd>{formatCount(count)}</dd>
            </div>
          ),
      )}
      {TIMINGS.map(([name, text]) => {
        const seconds = timings[name];
        return (
          seconds !== undefined && (
            <div key={name} className="fact">
              <dt>{text}</dt>
              <dd>{shortDuration(seconds)}</dd>
            </div>
          )
        );
      })}
    </dl>
  );
}

export function Statistics({ of, atMs }: { of: Counted; atMs: number }) {
  const query = useQuery({
    queryKey: ['statistics', ...of.key, atMs],
    staleTime: Infinity,
    gcTime: 0,
    // Where the page asks again by itself, the last ones stay until the next are there.
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => (await of.ask(atMs, signal)).data.stats ?? null,
  });
  return (
    <Loaded query={query}>
      {(stats) =>
        stats === null ? (
          <p className="quiet">The server has counted nothing.</p>
        ) : (
          <Facts stats={stats} />
        )
      }
    </Loaded>
  );
}
