// A panel of the kind HeatMapChart: how often a value lay in each bucket, over time.
import { useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';
import uPlot from 'uplot';
import { formatTime } from '../format/time';
import { useLocalTime } from '../frame/preferences';
import { axisTimes } from './axis';
import { axisColours, placeTip, type Size, usePlot } from './Chart';
import { type Band, type Heat, heatOf } from './heat';
import { type BoardPanel, type Format, readFormat } from './spec';
import { formatValue } from './unit';
import type { PanelData } from './usePanel';

/** As red, green and blue; how strong says how many. */
const LIGHT = '11, 100, 118';
const DARK = '102, 217, 232';

function bandText(band: Band, format: Format): string {
  const low = band.low === -Infinity ? '' : `above ${formatValue(band.low, format)}`;
  const high = band.high === Infinity ? '' : `at most ${formatValue(band.high, format)}`;
  return [low, high].filter((part) => part !== '').join(', ');
}

function drawCells(plot: uPlot, heat: Heat, stepS: number, isDark: boolean): void {
  const { ctx } = plot;
  const most = heat.counts.reduce((high, column) => Math.max(high, ...column), 0);
  ctx.save();
  heat.times.forEach((time, place) => {
    // At whole pixels no stripe of the ground is left between two cells.
    const left = Math.round(plot.valToPos(time - stepS / 2, 'x', true));
    const right = Math.round(plot.valToPos(time + stepS / 2, 'x', true));
    heat.counts[place]?.forEach((count, band) => {
      if (count <= 0) return;
      const top = Math.round(plot.valToPos(band + 1, 'y', true));
      const bottom = Math.round(plot.valToPos(band, 'y', true));
      // Few are to be seen beside many.
      const strength = 0.12 + 0.88 * Math.sqrt(count / most);
      ctx.fillStyle = `rgba(${isDark ? DARK : LIGHT}, ${strength})`;
      ctx.fillRect(left, top, Math.max(1, right - left), Math.max(1, bottom - top));
    });
  });
  ctx.restore();
}

function showTip(plot: uPlot, tip: HTMLElement, heat: Heat, isLocal: boolean, formats: Formats): void {
  const { idx, top = -1 } = plot.cursor;
  const band = Math.floor(plot.posToVal(top, 'y'));
  const time = idx === null || idx === undefined ? undefined : heat.times[idx];
  const of = heat.bands[band];
  if (top < 0 || time === undefined || of === undefined) {
    placeTip(plot, tip, []);
    return;
  }
  placeTip(plot, tip, [
    ['div', formatTime(time * 1000, isLocal)],
    ['b', formatValue(heat.counts[idx ?? 0]?.[band] ?? 0, formats.count)],
    ['div', bandText(of, formats.value)],
  ]);
}

interface Formats {
  value: Format;
  count: Format;
}

export function HeatMap({ panel, data }: { panel: BoardPanel; data: PanelData }) {
  const [isLocal] = useLocalTime();
  const isDark = useComputedColorScheme('light') === 'dark';
  const heat = useMemo(() => heatOf(data.series), [data]);
  const stepS = data.stepMs / 1000;
  const formats: Formats = {
    value: readFormat(panel.spec.yAxisFormat),
    count: readFormat(panel.spec.countFormat),
  };
  const make = (size: Size, tip: HTMLElement): [uPlot.Options, uPlot.AlignedData] => {
    const { stroke, grid, font } = axisColours(isDark);
    const options: uPlot.Options = {
      width: size.width,
      height: size.height,
      legend: { show: false },
      padding: [8, 10, 0, 0],
      cursor: { drag: { x: false, y: false }, points: { show: false } },
      tzDate: isLocal ? undefined : (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      scales: {
        x: { time: true, range: () => [data.range.startMs / 1000, data.range.endMs / 1000] },
        y: { range: () => [0, Math.max(1, heat.bands.length)] },
      },
      axes: [
        {
          stroke,
          grid,
          ticks: grid,
          font,
          space: 75,
          values: (_plot, splits, _axis, _space, step) => axisTimes(splits, step, isLocal),
        },
        {
          stroke,
          grid: { show: false },
          ticks: grid,
          font,
          size: 72,
          // Each tick is the upper bound of the band below it.
          values: (_plot, splits) =>
            splits.map((split) => {
              const below = Number.isInteger(split) ? heat.bands[split - 1] : undefined;
              return below === undefined ? '' : formatValue(below.high, formats.value);
            }),
        },
      ],
      // The cells are drawn by hand; what is here lets the mouse find its time.
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: {
        draw: [(plot) => drawCells(plot, heat, stepS, isDark)],
        setCursor: [(plot) => showTip(plot, tip, heat, isLocal, formats)],
      },
    };
    return [options, [heat.times, heat.times.map(() => 0)]];
  };
  const { place, tip } = usePlot(make, [heat, isLocal, isDark]);
  if (heat.bands.length === 0) {
    return <p className="quiet small">The answer has no histograms and no series with a label le.</p>;
  }
  return (
    <div
      ref={place}
      className="board-plot"
      role="img"
      aria-label={`${panel.title}: heat map of ${heat.bands.length} buckets`}
    >
      <div ref={tip} className="board-tip" hidden />
    </div>
  );
}
