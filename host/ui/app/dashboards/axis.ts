// Where axes begin and end, and what stands at them.
import { formatTime } from '../format/time';
import { number } from './spec';

/** Times of an axis: of the day, with the date where it is another one than before. */
export function axisTimes(times: number[], step: number, isLocal: boolean): string[] {
  return times.map((time, index) => {
    const [date, clock] = formatTime(time * 1000, isLocal).split(' ') as [string, string];
    if (step >= 86_400) return date;
    const before = times[index - 1];
    const isSameDay = before !== undefined && formatTime(before * 1000, isLocal).startsWith(date);
    const short = step < 60 ? clock : clock.slice(0, 5);
    return isSameDay ? short : `${short}\n${date}`;
  });
}

/** Where the axis of values begins and ends. */
export function valueRange(
  low: number | null,
  high: number | null,
  isStacked: boolean,
  bounds: { low: number | undefined; high: number | undefined },
): [number, number] {
  if (low === null || high === null) return [bounds.low ?? 0, bounds.high ?? 1];
  // Sums of fractions differ in their last digits where nothing has changed.
  const isFlat = high - low <= Math.abs(high) * 1e-9;
  const margin = (isFlat ? 0 : (high - low) * 0.06) || Math.abs(low) * 0.1 || 1;
  // A line that nearly touches nought is easier to read from there.
  const isNearNought = low >= 0 && (isStacked || low <= (high - low) * 0.5);
  const bottom = bounds.low ?? (isNearNought ? 0 : low - margin);
  const top = bounds.high ?? (isStacked ? Math.max(0, high + margin) : high + margin);
  return top > bottom ? [bottom, top] : [bottom, bottom + 1];
}

/** Where a gauge ends. */
export function gaugeMost(spec: Record<string, unknown>, unit: string): number {
  const most = number(spec.max);
  if (most !== undefined && most > 0) return most;
  return unit === 'percent-decimal' || unit === 'percent-0-1' ? 1 : 100;
}
