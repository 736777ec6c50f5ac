// Lines or bars of series over time, as large as the place they have. It is handed columns and says
// which range was dragged over; it asks the server nothing.
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatTime } from '../format/time';
import type { Columns } from '../query/plotData';
import { resize } from '../query/plotSize';
import { axisTimes, valueRange } from './axis';

/** A drag that is shorter than this is a click. */
const DRAG_PX_MIN = 8;

/** Pixels of a drawing. */
export interface Size {
  width: number;
  height: number;
}

/** What is drawn over the lines' ground: a bound, and its colour. */
export interface Mark {
  value: number;
  colour: string;
}

export interface ChartProps {
  title: string;
  columns: Columns;
  /** The values that the tip shows, where the columns are sums of them. */
  values: Columns;
  names: string[];
  colours: string[];
  shown: boolean[];
  isStacked: boolean;
  isBars: boolean;
  spansGaps: boolean;
  lineWidth: number;
  /** From 0 to 1. */
  fill: number;
  low: number | undefined;
  high: number | undefined;
  marks: Mark[];
  /** Whether the axis counts in powers of two, as bytes do. */
  isBinary: boolean;
  isLocal: boolean;
  format: (value: number) => string;
  onZoom: (startMs: number, endMs: number) => void;
}

const BINARY_STEPS = Array.from({ length: 60 }, (_, power) => 2 ** power);

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

/** Puts lines of text beside the mouse. As texts only: a name is whatever a target says. */
export function placeTip(plot: uPlot, tip: HTMLElement, lines: [string, string][]): void {
  tip.hidden = lines.length === 0;
  tip.replaceChildren(
    ...lines.map(([tag, text]) => {
      const element = document.createElement(tag);
      element.textContent = text;
      return element;
    }),
  );
  const left = (plot.cursor.left ?? 0) + plot.over.offsetLeft;
  const isRight = left > plot.width / 2;
  tip.style.left = isRight ? '' : `${left + 14}px`;
  tip.style.right = isRight ? `${plot.width - left + 14}px` : '';
  tip.style.top = `${Math.max(0, (plot.cursor.top ?? 0) - 10)}px`;
}

function showTip(plot: uPlot, tip: HTMLElement, props: ChartProps): void {
  const index = plot.cursor.idx ?? undefined;
  const series = index === undefined ? undefined : nearest(plot, index);
  if (index === undefined || series === undefined) {
    placeTip(plot, tip, []);
    return;
  }
  const value = props.values[series]?.[index];
  placeTip(plot, tip, [
    ['div', formatTime((props.columns[0][index] ?? 0) * 1000, props.isLocal)],
    ['b', value === null || value === undefined ? '' : props.format(value)],
    ['div', props.names[series - 1] ?? ''],
  ]);
}

/** The colours of axes and grids on a light and a dark ground. */
export function axisColours(isDark: boolean) {
  return {
    stroke: isDark ? '#c1c7ce' : '#3d444b',
    grid: { stroke: isDark ? '#3a3f46' : '#e3e7eb', width: 1 },
    font: '11px system-ui, sans-serif',
  };
}

function drawMarks(plot: uPlot, marks: Mark[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  for (const mark of marks) {
    const y = Math.round(plot.valToPos(mark.value, 'y', true));
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.strokeStyle = mark.colour;
    ctx.lineWidth = 1;
    ctx.setLineDash([6, 4]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

/** A point that has no neighbour would not be seen as a line. */
function isAlone(values: readonly (number | null | undefined)[]): boolean {
  const isThere = (index: number) => values[index] !== null && values[index] !== undefined;
  return values.every((_, index) => !isThere(index) || !(isThere(index - 1) || isThere(index + 1)));
}

function options(props: ChartProps, isDark: boolean, size: Size, tip: HTMLElement): uPlot.Options {
  const { stroke, grid, font } = axisColours(isDark);
  const bands = props.isStacked
    ? props.names.slice(1).map((_, index) => ({ series: [index + 2, index + 1] as [number, number] }))
    : [];
  const alpha = Math.round(Math.min(1, Math.max(0, props.fill)) * 255).toString(16).padStart(2, '0');
  const bars = uPlot.paths.bars?.({ size: [0.8, 100] });
  return {
    width: size.width,
    height: size.height,
    legend: { show: false },
    padding: [8, 10, 0, 0],
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
    tzDate: props.isLocal
      ? undefined
      : (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    scales: {
      x: { time: true },
      y: { range: (_plot, low, high) => valueRange(low, high, props.isStacked || props.isBars, props) },
    },
    axes: [
      {
        stroke,
        grid,
        ticks: grid,
        font,
        space: 75,
        values: (_plot, splits, _axis, _space, step) => axisTimes(splits, step, props.isLocal),
      },
      {
        stroke,
        grid,
        ticks: grid,
        font,
        size: 72,
        incrs: props.isBinary ? BINARY_STEPS : undefined,
        values: (_plot, splits) => splits.map(props.format),
      },
    ],
    bands,
    series: [
      {},
      ...props.names.map((label, index) => ({
        label,
        show: props.shown[index] ?? true,
        stroke: props.colours[index],
        width: props.lineWidth,
        fill: props.fill > 0 ? `${props.colours[index]}${alpha}` : undefined,
        paths: props.isBars ? bars : undefined,
        points: { show: (plot: uPlot, series: number) => isAlone([...(plot.data[series] ?? [])]) },
        spanGaps: props.spansGaps,
      })),
    ],
    hooks: {
      draw: [(plot) => drawMarks(plot, props.marks)],
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

/** The place of a drawing, and the drawing that is made for it anew when something changes. */
export function usePlot(
  make: (size: Size, tip: HTMLElement) => [uPlot.Options, uPlot.AlignedData],
  needs: unknown[],
) {
  const place = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const newest = useRef(make);
  newest.current = make;
  useEffect(() => {
    const [element, tipElement] = [place.current, tip.current];
    if (element === null || tipElement === null) return;
    const size = (): Size => ({
      width: Math.max(50, element.clientWidth),
      height: Math.max(50, element.clientHeight),
    });
    const [made, data] = newest.current(size(), tipElement);
    const drawn = new uPlot(made, data, element);
    plot.current = drawn;
    const observer = new ResizeObserver(() => resize(drawn, size()));
    observer.observe(element);
    return () => {
      observer.disconnect();
      drawn.destroy();
      plot.current = null;
      tipElement.hidden = true;
    };
  }, needs);
  return { place, tip, plot };
}

export function Chart(props: ChartProps) {
  const isDark = useComputedColorScheme('light') === 'dark';
  const newest = useRef(props);
  newest.current = props;
  const { place, tip, plot } = usePlot(
    (size, tipElement) => [options(newest.current, isDark, size, tipElement), newest.current.columns],
    [props.columns, props.isStacked, props.isLocal, isDark],
  );
  useEffect(() => {
    props.shown.forEach((show, index) => {
      if (plot.current !== null && plot.current.series[index + 1]?.show !== show) {
        plot.current.setSeries(index + 1, { show });
      }
    });
  }, [props.shown, plot]);
  return (
    <div
      ref={place}
      className="board-plot"
      role="img"
      aria-label={`${props.title}: graph of ${props.names.length} series`}
    >
      <div ref={tip} className="board-tip" hidden />
    </div>
  );
}
