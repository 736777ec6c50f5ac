// What a query took on the server: samples, and where the time went.
import type { QueryStats } from '../api/query';
import { shortDuration } from '../format/duration';
import { formatCount } from '../format/number';

/** Prometheus' names of its timings, in the order in which they come. */
const TIMINGS: [string, string][] = [
  ['execQueueTime', 'Waited for its turn'],
  ['queryPreparationTime', 'Prepared and read'],
  ['innerEvalTime', 'Evaluated'],
  ['resultSortTime', 'Sorted'],
  ['evalTotalTime', 'Preparation to sorting'],
  ['execTotalTime', 'All together'],
];

export function Statistics({ stats }: { stats: QueryStats }) {
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
