// A drawing of series over time. It is handed columns and says which range was dragged over; it
// asks the server nothing.
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { axisValue } from '../format/number';
import { formatTime } from '../format/time';
import type { Columns } from './plotData';

const HEIGHT_PX = 340;

/** A drag that is shorter than this is a click. */
const DRAG_PX_MIN = 8;

export interface PlotProps {
  columns: Columns;
  /** The values that the tip shows, where the columns are sums of them. */
  values: Columns;
  names: string[];
  colours: string[];
  shown: boolean[];
  isStacked: boolean;
  isLocal: boolean;
  onZoom: (startMs: number, endMs: number) => void;
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
  const line = (tag: string, text: string) => {
    const element = document.createElement(tag);
    element.textContent = text;
    return element;
  };
  // As texts only: a name is whatever a target says.
  tip.replaceChildren(
    line('div', formatTime(time * 1000, props.isLocal)),
    line('b', value === null || value === undefined ? '' : String(value)),
    line('div', props.names[series - 1] ?? ''),
  );
  const left = (plot.cursor.left ?? 0) + plot.over.offsetLeft;
  const isRight = left > plot.width / 2;
  tip.style.left = isRight ? '' : `${left + 14}px`;
  tip.style.right = isRight ? `${plot.width - left + 14}px` : '';
  tip.style.top = `${Math.max(0, (plot.cursor.top ?? 0) - 10)}px`;
}

function options(props: PlotProps, isDark: boolean, width: number, tip: HTMLElement): uPlot.Options {
  const text = isDark ? '#c1c7ce' : '#3d444b';
  const grid = { stroke: isDark ? '#3a3f46' : '#e3e7eb', width: 1 };
  const font = '12px system-ui, sans-serif';
  const bands = props.isStacked
    ? props.names.slice(1).map((_, index) => ({ series: [index + 2, index + 1] as [number, number] }))
    : [];
  return {
    width,
    height: HEIGHT_PX,
    legend: { show: false },
    tzDate: props.isLocal
      ? undefined
      : (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    cursor: {
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
    },
    scales: { x: { time: true }, y: { range: props.isStacked ? stackedRange : plainRange } },
    axes: [
      {
        stroke: text,
        grid,
        ticks: grid,
        font,
        values: (_plot, splits, _axis, _space, step) =>
          splits.map((time, index) => axisTime(time, splits[index - 1], step, props.isLocal)),
      },
      {
        stroke: text,
        grid,
        ticks: grid,
        font,
        size: 64,
        values: (_plot, splits) => splits.map(axisValue),
      },
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
      setCursor: [(plot) => showTip(plot, tip, props)],
      setSelect: [
        (plot) => {
          const { left, width: dragged } = plot.select;
          if (dragged < DRAG_PX_MIN) return;
          const start = plot.posToVal(left, 'x') * 1000;
          const end = plot.posToVal(left + dragged, 'x') * 1000;
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          props.onZoom(start, end);
        },
      ],
    },
  };
}

/** A time of the axis: of the day, with the date where it is another one than before. */
function axisTime(time: number, before: number | undefined, step: number, isLocal: boolean): string {
  const [date, clock] = formatTime(time * 1000, isLocal).split(' ') as [string, string];
  if (step >= 86_400) return date;
  const short = step < 60 ? clock : clock.slice(0, 5);
  const isSameDay =
    before !== undefined && formatTime(before * 1000, isLocal).startsWith(date);
  return isSameDay ? short : `${short}\n${date}`;
}

/** A point that has no neighbour would not be seen as a line. */
function pointsAlone(plot: uPlot, series: number): boolean {
  const values = plot.data[series] ?? [];
  const isThere = (index: number) => values[index] !== null && values[index] !== undefined;
  let alone = false;
  let together = false;
  values.forEach((_, index) => {
    if (!isThere(index)) return;
    if (isThere(index - 1) || isThere(index + 1)) together = true;
    else alone = true;
  });
  return alone && !together;
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

function stackedRange(plot: uPlot, low: number | null, high: number | null): [number, number] {
  const [bottom, top] = plainRange(plot, low, high);
  return [Math.min(0, bottom), Math.max(0, top)];
}

export function Plot(props: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const isDark = useComputedColorScheme('light') === 'dark';
  const newest = useRef(props);
  newest.current = props;
  const plot = useRef<uPlot>(null);

  useEffect(() => {
    const [element, tipElement] = [place.current, tip.current];
    if (element === null || tipElement === null) return;
    const made = new uPlot(
      options(newest.current, isDark, element.clientWidth, tipElement),
      newest.current.columns,
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: HEIGHT_PX });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
      tipElement.hidden = true;
    };
  }, [props.columns, props.isStacked, props.isLocal, isDark]);

  useEffect(() => {
    props.shown.forEach((show, index) => {
      if (plot.current !== null && plot.current.series[index + 1]?.show !== show) {
        plot.current.setSeries(index + 1, { show });
      }
    });
  }, [props.shown]);

  return (
    <div ref={place} className="plot" role="img" aria-label={`Graph of ${props.names.length} series`}>
      <div ref={tip} className="plot-tip" hidden />
    </div>
  );
}
