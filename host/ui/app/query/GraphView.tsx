// The answer of a range query as a graph, with its legend.
import { Button } from '@mantine/core';
import { useMemo, useState } from 'react';
import { post } from '../api/client';
import type { QueryData, RangeSeries } from '../api/query';
import { Icon } from '../frame/Icon';
import { useLocalTime } from '../frame/preferences';
import { csv, download } from '../format/csv';
import { seriesName } from '../format/series';
import { colour } from './colours';
import { Outcome } from './Outcome';
import { type Panel, stepMs } from './panel';
import { Plot } from './Plot';
import { columns, stack } from './plotData';
import { useRun } from './useRun';

/** More lines than this nobody can tell apart, and they are slow to draw. */
const SERIES_DRAWN_MAX = 500;

/** What was asked: a graph's own times, which are those of its data and not of now. */
interface Range {
  startMs: number;
  endMs: number;
  stepMs: number;
}

function range(panel: Panel, atMs: number): Range {
  const endMs = panel.endMs ?? atMs;
  return { startMs: endMs - panel.rangeMs, endMs, stepMs: stepMs(panel) };
}

function graphCsv(series: RangeSeries[]): string {
  const names = [...new Set(series.flatMap((one) => Object.keys(one.metric)))].sort();
  const lines = series.flatMap((one) =>
    (one.values ?? []).map(([time, value]) => [
      ...names.map((name) => one.metric[name] ?? ''),
      new Date(time * 1000).toISOString(),
      value,
    ]),
  );
  return csv([[...names, 'time', 'value'], ...lines]);
}

function Graph(props: {
  series: RangeSeries[];
  range: Range;
  isStacked: boolean;
  onZoom: (startMs: number, endMs: number) => void;
}) {
  const { range: asked, isStacked } = props;
  const [isLocal] = useLocalTime();
  const series = useMemo(() => props.series.slice(0, SERIES_DRAWN_MAX), [props.series]);
  const plain = useMemo(
    () => columns(series, asked.startMs, asked.endMs, asked.stepMs),
    [series, asked.startMs, asked.endMs, asked.stepMs],
  );
  const names = useMemo(() => series.map((one) => seriesName(one.metric)), [series]);
  const colours = useMemo(() => series.map((_, index) => colour(index)), [series]);
  const [only, setOnly] = useState<number>();
  const shown = useMemo(
    () => series.map((_, index) => only === undefined || only === index),
    [series, only],
  );
  // A single one of a stack is drawn by itself, from nought.
  const isPile = isStacked && only === undefined;
  const drawn = useMemo(
    () => (isPile ? stack(plain.columns) : plain.columns),
    [plain.columns, isPile],
  );
  return (
    <>
      {props.series.length > SERIES_DRAWN_MAX && (
        <p className="wait small">
          Only the first {SERIES_DRAWN_MAX} of {props.series.length} series are drawn; the file has
          all of them.
        </p>
      )}
      {plain.histograms > 0 && (
        <p className="wait small">
          {plain.histograms} of the series are native histograms, which a line cannot show: ask for
          histogram_quantile, histogram_count or histogram_avg of them.
        </p>
      )}
      <Plot
        columns={drawn}
        values={plain.columns}
        names={names}
        colours={colours}
        shown={shown}
        isStacked={isPile}
        isLocal={isLocal}
        onZoom={props.onZoom}
      />
      <ul className="legend" aria-label="Series">
        {names.map((name, index) => (
          <li key={name}>
            <button
              type="button"
              aria-pressed={shown[index]}
              onClick={() => setOnly(only === index ? undefined : index)}
            >
              <span className="swatch" style={{ background: colours[index] }} />
              <span className="mono">{name}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

export function GraphView(props: {
  panel: Panel;
  runs: number;
  onZoom: (startMs: number, endMs: number) => void;
}) {
  const { panel, runs } = props;
  const step = stepMs(panel);
  const run = useRun<QueryData>(
    ['query_range', panel.expr, panel.endMs, panel.rangeMs, step, runs],
    panel.expr !== '',
    (atMs, signal) => {
      const asked = range(panel, atMs);
      const params = {
        query: panel.expr,
        start: asked.startMs / 1000,
        end: asked.endMs / 1000,
        step: asked.stepMs / 1000,
      };
      return post('query_range', params, signal);
    },
  );
  const series = (data: QueryData) => (data.resultType === 'matrix' ? data.result : []);
  return (
    <Outcome
      run={run}
      count={(data) => series(data).length}
      actions={(data) => (
        <Button
          variant="default"
          size="compact-sm"
          leftSection={<Icon name="download" size={14} />}
          onClick={() => download('graph.csv', 'text/csv', graphCsv(series(data)))}
        >
          CSV
        </Button>
      )}
    >
      {(data, atMs) => (
        <Graph
          series={series(data)}
          range={range(panel, atMs)}
          isStacked={panel.isStacked}
          onZoom={props.onZoom}
        />
      )}
    </Outcome>
  );
}
