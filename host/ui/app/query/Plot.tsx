// A drawing of series over time. It is handed columns and says which range was dragged over, and
// which exemplar was pressed; it asks the server nothing.
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { axisValue } from '../format/number';
import { formatTime } from '../format/time';
import type { ExemplarMark, Span } from './marks';
import { ExemplarLayer, lineSpans, shadeSpans } from './plotMarks';
import type { Columns } from './plotData';
import { frame, HEIGHT_PX, moveCursor, placeTip, writeTip } from './plotFrame';
import { resize } from './plotSize';
import './plot.css';

export interface PlotProps {
  columns: Columns;
  /** The values that the tip shows, where the columns are sums of them. */
  values: Columns;
  names: string[];
  colours: string[];
  shown: boolean[];
  isStacked: boolean;
  /** Where the axis of values begins at the latest. */
  yAxisMin: number | undefined;
  isLocal: boolean;
  exemplars: ExemplarMark[];
  /** When an alert fired. */
  fired: Span[];
  onZoom: (startMs: number, endMs: number) => void;
  onExemplar: (index: number) => void;
}

/** The series whose point at a place of the time axis lies nearest to the mouse. */
function nearest(plot: uPlot, index: number): number | undefined {
  const top = plot.cursor.top ?? 0;
  let best: number | undefined;
  let bestDistance = Infinity;
  for (let series = 1; series < plot.series.length; series += 1) {
    const value = plot.data[series]?.[index];
    if (value === null || value === undefined || plot.series[series]?.show === false) continue;
    const distance = Math.abs(plot.valToPos(value, 'y') - top);
    if (distance < bestDistance) [best, bestDistance] = [series, distance];
  }
  return best;
}

function showTip(plot: uPlot, tip: HTMLElement, props: PlotProps): void {
  const index = plot.cursor.idx;
  const series = index === null || index === undefined ? undefined : nearest(plot, index);
  tip.hidden = series === undefined;
  if (index === null || index === undefined || series === undefined) return;
  const time = props.columns[0][index] ?? 0;
  const value = props.values[series]?.[index];
  writeTip(tip, [
    formatTime(time * 1000, props.isLocal),
    value === null || value === undefined ? '' : String(value),
    props.names[series - 1] ?? '',
  ]);
  placeTip(plot, tip);
}

function options(
  props: PlotProps,
  isDark: boolean,
  width: number,
  tip: HTMLElement,
  layer: ExemplarLayer,
  /** The data may be newer than the drawing. */
  newest: () => PlotProps,
): uPlot.Options {
  const { shared, axis } = frame(width, isDark, props.isLocal, (startMs, endMs) =>
    newest().onZoom(startMs, endMs),
  );
  const bands = props.isStacked
    ? props.names.slice(1).map((_, index) => ({ series: [index + 2, index + 1] as [number, number] }))
    : [];
  return {
    ...shared,
    scales: { x: { time: true }, y: { range: rangeFrom(props.yAxisMin) } },
    axes: [
      ...shared.axes,
      { ...axis, size: 64, values: (_plot, splits) => splits.map(axisValue) },
    ],
    bands,
    series: [
      {},
      ...props.names.map((label, index) => ({
        label,
        show: props.shown[index] ?? true,
        stroke: props.colours[index],
        width: 1.5,
        fill: props.isStacked ? `${props.colours[index]}59` : undefined,
        points: { show: pointsAlone },
        spanGaps: false,
      })),
    ],
    hooks: {
      ...shared.hooks,
      drawClear: [(plot) => shadeSpans(plot, props.fired, isDark)],
      draw: [
        (plot) => {
          lineSpans(plot, props.fired, isDark);
          layer.draw(plot);
        },
      ],
      setCursor: [(plot) => showTip(plot, tip, newest())],
      ready: [(plot) => layer.listen(plot)],
    },
  };
}

/** A point that has no neighbour would not be seen as a line. */
function pointsAlone(plot: uPlot, series: number): boolean {
  const values = plot.data[series] ?? [];
  const isThere = (index: number) => values[index] !== null && values[index] !== undefined;
  let alone = false;
  for (let index = 0; index < values.length; index += 1) {
    if (!isThere(index)) continue;
    // A line is seen: most series are done with at their second point.
    if (isThere(index + 1)) return false;
    alone = true;
  }
  return alone;
}

function plainRange(_plot: uPlot, low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  if (low === high) {
    const margin = Math.abs(low) * 0.1 || 1;
    return [low - margin, high + margin];
  }
  const margin = (high - low) * 0.06;
  // A line that nearly touches nought is easier to read from there.
  return [low >= 0 && low < (high - low) * 0.5 ? 0 : low - margin, high + margin];
}

/** What the values take, and the place where the axis has to begin with it. */
function rangeFrom(least: number | undefined) {
  if (least === undefined) return plainRange;
  return (plot: uPlot, low: number | null, high: number | null): [number, number] => {
    const [bottom, top] = plainRange(plot, low, high);
    return [Math.min(least, bottom), Math.max(least, top)];
  };
}

export function Plot(props: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const isDark = useComputedColorScheme('light') === 'dark';
  const newest = useRef(props);
  newest.current = props;
  const plot = useRef<uPlot>(null);
  const drawn = useRef<Columns>(null);
  const names = props.names.join('\n');

  useEffect(() => {
    const [element, tipElement] = [place.current, tip.current];
    if (element === null || tipElement === null) return;
    const layer = new ExemplarLayer(newest.current.exemplars, isDark, {
      top: (plot, mark) => plot.valToPos(mark.value, 'y'),
      onPress: (index) => newest.current.onExemplar(index),
    });
    const made = new uPlot(
      options(newest.current, isDark, element.clientWidth, tipElement, layer, () => newest.current),
      newest.current.columns,
      element,
    );
    plot.current = made;
    drawn.current = newest.current.columns;
    const observer = new ResizeObserver(() => {
      resize(made, { width: element.clientWidth, height: HEIGHT_PX });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
      tipElement.hidden = true;
    };
  }, [names, props.isStacked, props.yAxisMin, props.isLocal, props.exemplars, props.fired, isDark]);

  // Newer data of the same series: whoever points at something goes on to do so.
  useEffect(() => {
    if (plot.current === null || drawn.current === props.columns) return;
    drawn.current = props.columns;
    plot.current.setData(props.columns);
  }, [props.columns]);

  useEffect(() => {
    props.shown.forEach((show, index) => {
      if (plot.current !== null && plot.current.series[index + 1]?.show !== show) {
        plot.current.setSeries(index + 1, { show });
      }
    });
  }, [props.shown]);

  return (
    <div className="plot">
      <div
        ref={place}
        role="img"
        tabIndex={0}
        aria-label={`Graph of ${props.names.length} series; arrow keys tell its values`}
        onKeyDown={(event) => moveCursor(plot.current, event)}
      />
      <div ref={tip} className="plot-tip" role="status" hidden />
    </div>
  );
}
