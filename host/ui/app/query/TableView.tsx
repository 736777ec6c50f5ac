// The answer of an instant query as a table.
import { Button } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { type Params, post } from '../api/client';
import type { NativeHistogram, QueryData } from '../api/query';
import { Icon } from '../frame/Icon';
import { Loading } from '../frame/Loading';
import { More } from '../frame/More';
import { useLocalTime } from '../frame/preferences';
import { load } from '../frame/load';
import { csv, download } from '../format/csv';
import { seriesName } from '../format/series';
import { formatTime } from '../format/time';
import type { Labels } from '../api/labels';
import { histogramText } from './histogramText';
import { MatcherLabels, type OnMatch } from './MatcherLabels';
import { Outcome } from './Outcome';
import { fleetParams, type Panel } from './panel';
import { COUNTED } from './counted';
import { useRun } from './useRun';

const HistogramView = lazy(async () => ({
  default: (await load(() => import('./HistogramView'))).HistogramView,
}));

/** So many rows are drawn at first. */
const ROWS_STEP = 500;

/** So many values of a series are drawn, the newest; the file has all of them. */
const VALUES_MAX = 200;

interface Row {
  labels: Labels;
  /** A value, or several of them with their times, each a line. */
  values: string[];
  /** Times of the values in seconds, where they differ from the query's. */
  times: number[];
  /** The newest histogram, which is drawn. */
  histogram?: NativeHistogram;
}

export function rows(data: QueryData): Row[] {
  if (data.resultType === 'vector') {
    return data.result.map((series) => ({
      labels: series.metric,
      values: [series.histogram ? histogramText(series.histogram[1]) : (series.value?.[1] ?? '')],
      times: [],
      histogram: series.histogram?.[1],
    }));
  }
  if (data.resultType === 'matrix') {
    return data.result.map((series) => {
      const points: [number, string][] = [
        ...(series.values ?? []),
        ...(series.histograms ?? []).map(
          ([time, histogram]): [number, string] => [time, histogramText(histogram)],
        ),
      ];
      return {
        labels: series.metric,
        values: points.map(([, value]) => value),
        times: points.map(([time]) => time),
        histogram: series.histograms?.at(-1)?.[1],
      };
    });
  }
  return [{ labels: {}, values: [data.result[1]], times: [] }];
}

function tableCsv(data: QueryData, atMs: number): string {
  const all = rows(data);
  const names = [...new Set(all.flatMap((row) => Object.keys(row.labels)))].sort();
  const lines = all.flatMap((row) =>
    row.values.map((value, index) => {
      const time = new Date((row.times[index] ?? atMs / 1000) * 1000).toISOString();
      return [...names.map((name) => row.labels[name] ?? ''), time, value];
    }),
  );
  return csv([[...names, 'time', 'value'], ...lines]);
}

function Values({ row, isLocal }: { row: Row; isLocal: boolean }) {
  const first = Math.max(0, row.values.length - VALUES_MAX);
  const drawn = row.values.slice(first).map((value, place) => {
    const index = first + place;
    const time = row.times[index];
    return (
      <div key={index} className="wraps mono">
        {row.histogram !== undefined && index === row.values.length - 1 ? (
          <Suspense fallback={<Loading />}>
            <HistogramView histogram={row.histogram} />
          </Suspense>
        ) : (
          value
        )}
        {time !== undefined && <span className="quiet"> @ {formatTime(time * 1000, isLocal)}</span>}
      </div>
    );
  });
  return (
    <>
      {first > 0 && <div className="wait small">{first} older values are in the CSV alone.</div>}
      {drawn}
    </>
  );
}

export function TableView(props: {
  panel: Panel;
  runs: number;
  ticks: number;
  onMatch: OnMatch;
}) {
  const { panel, runs, ticks } = props;
  const [isLocal] = useLocalTime();
  const key = ['query', panel.expr, panel.endMs, panel.isDeduplicated, runs];
  const ask = (more: Params) => (askedMs: number, signal: AbortSignal) =>
    post<QueryData>(
      'query',
      { query: panel.expr, time: (panel.endMs ?? askedMs) / 1000, ...fleetParams(panel), ...more },
      signal,
    );
  const run = useRun<QueryData>(key, ticks, panel.expr !== '', ask({}));
  const atMs = panel.endMs ?? run.answer?.atMs ?? 0;
  return (
    <Outcome
      run={run}
      count={(data) => rows(data).length}
      counted={{ key, ask: ask(COUNTED) }}
      actions={(data) => (
        <Button
          variant="default"
          size="compact-sm"
          leftSection={<Icon name="download" size={14} />}
          onClick={() => download('query.csv', 'text/csv', tableCsv(data, atMs))}
        >
          CSV
        </Button>
      )}
    >
      {(data) => (
        <More of={rows(data)} step={ROWS_STEP} name="rows">
          {(shown) => (
            <div className="wide">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Series</th>
                    <th scope="col">{data.resultType === 'matrix' ? 'Values' : 'Value'}</th>
                  </tr>
                </thead>
                <tbody>
                  {shown.map((row) => (
                    <tr key={seriesName(row.labels)}>
                      <td>
                        {row.labels.__name__ !== undefined && (
                          <span className="mono wraps">{row.labels.__name__}</span>
                        )}
                        {data.resultType === 'scalar' || data.resultType === 'string' ? (
                          <span className="quiet">{data.resultType}</span>
                        ) : (
                          <MatcherLabels labels={row.labels} onMatch={props.onMatch} />
                        )}
                      </td>
                      <td>
                        <Values row={row} isLocal={isLocal} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </More>
      )}
    </Outcome>
  );
}
