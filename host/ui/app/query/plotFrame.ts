// What drawings over time have in common: the axis of times, the drag that zooms, the tip beside
// the mouse, and the keys that move it.
import type { KeyboardEvent } from 'react';
import uPlot from 'uplot';
import { formatTime } from '../format/time';

export const HEIGHT_PX = 340;

/** A drag that is shorter than this is a click. */
const DRAG_PX_MIN = 8;

/** How far an arrow key moves the cursor up and down. */
const KEY_PX = 12;

/** The options that do not depend on what is drawn, and the looks of an axis. */
export function frame(
  width: number,
  isDark: boolean,
  isLocal: boolean,
  onZoom: (startMs: number, endMs: number) => void,
) {
  const grid = { stroke: isDark ? '#3a3f46' : '#e3e7eb', width: 1 };
  const axis: uPlot.Axis = {
    stroke: isDark ? '#c1c7ce' : '#3d444b',
    grid,
    ticks: grid,
    font: '12px system-ui, sans-serif',
  };
  const times: uPlot.Axis = {
    ...axis,
    values: (_plot, splits, _axis, _space, step) =>
      splits.map((time, index) => axisTime(time, splits[index - 1], step, isLocal)),
  };
  const zoom = (plot: uPlot) => {
    const { left, width: dragged } = plot.select;
    if (dragged < DRAG_PX_MIN) return;
    const start = plot.posToVal(left, 'x') * 1000;
    const end = plot.posToVal(left + dragged, 'x') * 1000;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    onZoom(start, end);
  };
  const shared = {
    width,
    height: HEIGHT_PX,
    legend: { show: false },
    tzDate: isLocal
      ? undefined
      : (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    cursor: {
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
    },
    axes: [times],
    hooks: { setSelect: [zoom] },
  };
  return { shared, axis };
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

/** Writes lines into a tip, the second one bold. As texts only: a name is whatever a target says. */
export function writeTip(tip: HTMLElement, lines: string[]): void {
  tip.replaceChildren(
    ...lines.map((text, index) => {
      const element = document.createElement(index === 1 ? 'b' : 'div');
      element.textContent = text;
      return element;
    }),
  );
}

/** Puts a tip beside the cursor, on the side where there is more room. */
export function placeTip(plot: uPlot, tip: HTMLElement): void {
  const left = (plot.cursor.left ?? 0) + plot.over.offsetLeft;
  const isRight = left > plot.width / 2;
  tip.style.left = isRight ? '' : `${left + 14}px`;
  tip.style.right = isRight ? `${plot.width - left + 14}px` : '';
  tip.style.top = `${Math.max(0, (plot.cursor.top ?? 0) - 10)}px`;
}

/** Moves the cursor as the arrow keys say: sideways by a point, with Shift by ten. */
export function moveCursor(plot: uPlot | null, event: KeyboardEvent): void {
  if (plot === null) return;
  const times = plot.data[0];
  const { width, height } = plot.over.getBoundingClientRect();
  const step = event.shiftKey ? 10 : 1;
  let index = plot.cursor.idx ?? times.length - 1;
  let top = plot.cursor.top ?? -1;
  if (top < 0) top = height / 2;
  else if (event.key === 'ArrowLeft') index -= step;
  else if (event.key === 'ArrowRight') index += step;
  if (event.key === 'ArrowUp') top -= KEY_PX * step;
  else if (event.key === 'ArrowDown') top += KEY_PX * step;
  else if (event.key === 'Home') index = 0;
  else if (event.key === 'End') index = times.length - 1;
  else if (event.key === 'Escape') [index, top] = [-1, -1];
  else if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
  event.preventDefault();
  if (index < 0 && top < 0) {
    plot.setCursor({ left: -10, top: -10 });
    return;
  }
  const time = times[Math.max(0, Math.min(times.length - 1, index))] ?? 0;
  const left = Math.max(0, Math.min(width - 1, plot.valToPos(time, 'x')));
  plot.setCursor({ left, top: Math.max(0, Math.min(height - 1, top)) });
}
