// A drawing of histograms over time: a cell for each bucket at each step, the darker the more it
// counts. It is handed cells; it asks the server nothing.
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { axisValue } from '../format/number';
import { formatTime } from '../format/time';
import { heat } from './colours';
import { type Heatmap, placeOf, rowAt, strength } from './heatmap';
import type { ExemplarMark, Span } from './marks';
import { frame, HEIGHT_PX, moveCursor, placeTip, writeTip } from './plotFrame';
import { resize } from './plotSize';
import { ExemplarLayer, lineSpans, shadeSpans } from './plotMarks';
import './plot.css';

/** Two bounds are written on the axis where they are so far from each other. */
const LABEL_PX = 22;

/** How wide the axis of the bounds is. */
const AXIS_PX = 64;

/** A place that is not laid out yet has no size, in which nothing can be drawn. */
const SIZE_PX_MIN = 50;

interface Size {
  width: number;
  height: number;
}

function sizeOf(element: HTMLElement, fills: boolean): Size {
  return {
    width: Math.max(SIZE_PX_MIN, element.clientWidth),
    height: fills ? Math.max(SIZE_PX_MIN, element.clientHeight) : HEIGHT_PX,
  };
}

/** So many colours are told apart. */
const COLOURS = 64;

export interface HeatmapPlotProps {
  map: Heatmap;
  stepMs: number;
  isLocal: boolean;
  exemplars?: ExemplarMark[];
  fired?: Span[];
  onZoom: (startMs: number, endMs: number) => void;
  onExemplar?: (index: number) => void;
  /** How a bound and a count are written; as on every axis where nothing is said. */
  texts?: { bound: (value: number) => string; count: (value: number) => string };
  /** What stands before its description, such as a panel's title. */
  title?: string;
  /** Whether it is as large as its place, and not of the height of graphs. */
  fills?: boolean;
}

/** Nothing is marked in a drawing whose page knows no exemplars and alerts. */
const NONE: never[] = [];

function draw(plot: uPlot, map: Heatmap, stepMs: number, isDark: boolean): void {
  const { ctx, bbox } = plot;
  const colours = Array.from({ length: COLOURS }, (_, index) => heat(index / (COLOURS - 1), isDark));
  const edges = map.places.map((place) => plot.valToPos(place, 'y', true));
  const half = stepMs / 2000;
  const lefts = map.times.map((time) => Math.round(plot.valToPos(time - half, 'x', true)));
  const end = Math.round(plot.valToPos((map.times.at(-1) ?? 0) + half, 'x', true));
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  map.counts.forEach((row, index) => {
    const top = Math.round(edges[index + 1] ?? 0);
    const height = Math.max(1, Math.round(edges[index] ?? 0) - top);
    row.forEach((count, column) => {
      if (count <= 0) return;
      const left = lefts[column] ?? 0;
      const width = Math.max(1, (lefts[column + 1] ?? end) - left);
      ctx.fillStyle = colours[Math.round(strength(count, map.max) * (COLOURS - 1))] ?? '';
      ctx.fillRect(left, top, width, height);
    });
  });
  ctx.restore();
}

/** Three digits that tell one count from another. */
export function countText(count: number): string {
  return String(Number(count.toPrecision(4)));
}

const TEXTS = { bound: axisValue, count: countText };

function showTip(plot: uPlot, tip: HTMLElement, props: HeatmapPlotProps): void {
  const { map } = props;
  const { bound, count: counted } = props.texts ?? TEXTS;
  const index = plot.cursor.idx;
  const top = plot.cursor.top ?? -1;
  tip.hidden = index === null || index === undefined || top < 0;
  if (index === null || index === undefined || top < 0) return;
  const row = rowAt(map, plot.posToVal(top, 'y'));
  const count = map.counts[row]?.[index] ?? 0;
  const all = map.counts.reduce((sum, cells) => sum + (cells[index] ?? 0), 0);
  const share = all > 0 ? ` of ${counted(all)} (${Math.round((count / all) * 100)} %)` : '';
  writeTip(tip, [
    formatTime((map.times[index] ?? 0) * 1000, props.isLocal),
    `${counted(count)}${share}`,
    `from ${bound(map.bounds[row] ?? 0)} to ${bound(map.bounds[row + 1] ?? 0)}`,
  ]);
  placeTip(plot, tip);
}

/** The bounds that are written on the axis: as many as have room. */
function splits(map: Heatmap, height: number): number[] {
  const pixels = height / (map.places.at(-1) || 1);
  const shown: number[] = [];
  for (const place of map.places) {
    const last = shown.at(-1);
    if (last === undefined || (place - last) * pixels >= LABEL_PX) shown.push(place);
  }
  return shown;
}

function options(
  props: HeatmapPlotProps,
  isDark: boolean,
  size: Size,
  tip: HTMLElement,
  layer: ExemplarLayer,
): uPlot.Options {
  const { map } = props;
  const { bound: boundText } = props.texts ?? TEXTS;
  const fired = props.fired ?? NONE;
  const { shared, axis } = frame(size.width, isDark, props.isLocal, props.onZoom);
  const half = props.stepMs / 2000;
  const [first, last] = [map.times[0] ?? 0, map.times.at(-1) ?? 0];
  const bound = (place: number) => map.bounds[map.places.indexOf(place)] ?? 0;
  return {
    ...shared,
    ...size,
    cursor: { ...shared.cursor, points: { show: false } },
    scales: {
      x: { time: true, range: [first - half, last + half] },
      y: { range: [0, map.places.at(-1) ?? 1] },
    },
    axes: [
      ...shared.axes.map((one) => ({ ...one, grid: { show: false } })),
      {
        ...axis,
        grid: { show: false },
        size: AXIS_PX,
        splits: (plot) => splits(map, plot.bbox.height / uPlot.pxRatio),
        values: (_plot, places) => places.map((place) => boundText(bound(place))),
      },
    ],
    // A line that is never seen: without one there is no axis of values.
    series: [{}, { show: true, stroke: 'transparent', points: { show: false } }],
    hooks: {
      ...shared.hooks,
      drawClear: [
        (plot) => {
          shadeSpans(plot, fired, isDark);
          draw(plot, map, props.stepMs, isDark);
        },
      ],
      draw: [
        (plot) => {
          lineSpans(plot, fired, isDark);
          layer.draw(plot);
        },
      ],
      setCursor: [(plot) => showTip(plot, tip, props)],
      ready: [(plot) => layer.listen(plot)],
    },
  };
}

export function HeatmapPlot(props: HeatmapPlotProps) {
  const fills = props.fills ?? false;
  const { exemplars = NONE, fired = NONE } = props;
  const place = useRef<HTMLDivElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const isDark = useComputedColorScheme('light') === 'dark';
  const newest = useRef(props);
  newest.current = props;
  const plot = useRef<uPlot>(null);

  useEffect(() => {
    const [element, tipElement] = [place.current, tip.current];
    if (element === null || tipElement === null) return;
    const { map } = newest.current;
    const layer = new ExemplarLayer(exemplars, isDark, {
      top: (on, mark) => on.valToPos(placeOf(map, mark.value), 'y'),
      onPress: (index) => newest.current.onExemplar?.(index),
    });
    const drawn = {
      ...newest.current,
      // Where a drag leads depends on the panel, which may change while the cells stay.
      onZoom: (startMs: number, endMs: number) => newest.current.onZoom(startMs, endMs),
    };
    const made = new uPlot(
      options(drawn, isDark, sizeOf(element, fills), tipElement, layer),
      [map.times, map.times.map(() => null)],
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => {
      resize(made, sizeOf(element, fills));
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
      tipElement.hidden = true;
    };
  }, [props.map, props.isLocal, exemplars, fired, fills, isDark]);

  return (
    <div className={fills ? 'plot fills' : 'plot'}>
      <div
        ref={place}
        role="img"
        tabIndex={0}
        aria-label={`${props.title === undefined ? '' : `${props.title}: `}Heatmap of ${props.map.counts.length} buckets; arrow keys tell what they count`}
        onKeyDown={(event) => moveCursor(plot.current, event)}
      />
      <div ref={tip} className="plot-tip" role="status" hidden />
    </div>
  );
}
