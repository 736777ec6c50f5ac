// The answer of a range query as a graph, with what is marked on it.
import { Button } from '@mantine/core';
import { useMemo, useState } from 'react';
import { type Params, post } from '../api/client';
import type { QueryData, RangeSeries } from '../api/query';
import { Failure } from '../frame/Failure';
import { Icon } from '../frame/Icon';
import { csv, download } from '../format/csv';
import { COUNTED } from './counted';
import { Exemplars } from './Exemplars';
import { FiredAlerts } from './FiredAlerts';
import { HeatmapGraph } from './HeatmapGraph';
import { histogramText } from './histogramText';
import { LineGraph } from './LineGraph';
import { Outcome } from './Outcome';
import { useAlerts, useExemplars } from './overlays';
import { fleetParams, type Panel, type Range, range, stepMs } from './panel';
import { useRun } from './useRun';

function graphCsv(series: RangeSeries[]): string {
  const names = [...new Set(series.flatMap((one) => Object.keys(one.metric)))].sort();
  const lines = series.flatMap((one) => {
    const histograms = (one.histograms ?? []).map(
      ([time, histogram]): [number, string] => [time, histogramText(histogram)],
    );
    return [...(one.values ?? []), ...histograms].map(([time, value]) => [
      ...names.map((name) => one.metric[name] ?? ''),
      new Date(time * 1000).toISOString(),
      value,
    ]);
  });
  return csv([[...names, 'time', 'value'], ...lines]);
}

function Graph(props: {
  panel: Panel;
  series: RangeSeries[];
  range: Range;
  onZoom: (startMs: number, endMs: number) => void;
}) {
  const { panel } = props;
  const exemplars = useExemplars(panel.expr, props.range, panel.showExemplars);
  const alerts = useAlerts(props.range, panel.showAlerts);
  const fired = useMemo(() => alerts.marks.flatMap(({ spans }) => spans), [alerts.marks]);
  const [chosen, setChosen] = useState<number>();
  const drawn = {
    series: props.series,
    range: props.range,
    exemplars: exemplars.marks,
    fired,
    onZoom: props.onZoom,
    onExemplar: setChosen,
  };
  return (
    <>
      {panel.display === 'heatmap' ? (
        <HeatmapGraph {...drawn} />
      ) : (
        <LineGraph {...drawn} isStacked={panel.display === 'stacked'} yAxisMin={panel.yAxisMin} />
      )}
      {panel.showAlerts &&
        (alerts.error === null ? (
          <FiredAlerts marks={alerts.marks} all={alerts.all} />
        ) : (
          <Failure error={alerts.error} />
        ))}
      {panel.showExemplars &&
        (exemplars.error === null ? (
          <Exemplars
            marks={exemplars.marks}
            all={exemplars.all}
            chosen={chosen}
            onChoose={setChosen}
          />
        ) : (
          <Failure error={exemplars.error} />
        ))}
    </>
  );
}

export function GraphView(props: {
  panel: Panel;
  runs: number;
  ticks: number;
  onZoom: (startMs: number, endMs: number) => void;
}) {
  const { panel, runs, ticks } = props;
  const step = stepMs(panel);
  const key = ['query_range', panel.expr, panel.endMs, panel.rangeMs, step, panel.isDeduplicated, runs];
  const ask = (more: Params) => (atMs: number, signal: AbortSignal) => {
    const asked = range(panel, atMs);
    const params = {
      query: panel.expr,
      start: asked.startMs / 1000,
      end: asked.endMs / 1000,
      step: asked.stepMs / 1000,
      ...fleetParams(panel),
      ...more,
    };
    return post<QueryData>('query_range', params, signal);
  };
  const run = useRun<QueryData>(key, ticks, panel.expr !== '', ask({}));
  const series = (data: QueryData) => (data.resultType === 'matrix' ? data.result : []);
  return (
    <Outcome
      run={run}
      count={(data) => series(data).length}
      counted={{ key, ask: ask(COUNTED) }}
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
          panel={panel}
          series={series(data)}
          range={range(panel, atMs)}
          onZoom={props.onZoom}
        />
      )}
    </Outcome>
  );
}
