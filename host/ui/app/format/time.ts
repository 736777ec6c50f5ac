// Points in time as texts: of the browser's time zone or of UTC.

const two = (value: number) => String(value).padStart(2, '0');

/** `2026-11-22 10:05:09`. Times are milliseconds since the epoch. */
export function formatTime(timeMs: number, isLocal: boolean): string {
  const date = new Date(timeMs);
  if (Number.isNaN(date.getTime())) return '–';
  return isLocal
    ? `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
        `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
    : date.toISOString().slice(0, 19).replace('T', ' ');
}

const ZONED = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/i;

/**
 * Reads what `formatTime` writes, with or without seconds or the time of day; and what logs and other
 * programs write: a time that names its zone (RFC 3339), and seconds or milliseconds of Unix.
 */
export function parseTime(text: string, isLocal: boolean): number | undefined {
  const written = text.trim();
  if (/^\d{9,10}(\.\d+)?$/.test(written)) return Math.round(Number(written) * 1000);
  if (/^\d{12,13}$/.test(written)) return Number(written);
  if (ZONED.test(written)) {
    const zonedMs = Date.parse(written.replace(' ', 'T'));
    return Number.isNaN(zonedMs) ? undefined : zonedMs;
  }
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text.trim());
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map((part) => Number(part ?? 0));
  const parts = [year, (month ?? 1) - 1, day, hour, minute, second] as [
    number, number, number, number, number, number,
  ];
  const timeMs = isLocal ? new Date(...parts).getTime() : Date.UTC(...parts);
  return formatTime(timeMs, isLocal).startsWith(text.trim().slice(0, 10)) ? timeMs : undefined;
}

/** A time as somebody writes it, and the zone in which they do. */
export interface WrittenTime {
  text: string;
  isLocal: boolean;
  /** The time that the text was made of, which is more exact, and of one zone's hour that comes twice. */
  exactMs?: number;
}

export function writtenTime(timeMs: number, isLocal: boolean): WrittenTime {
  return { text: formatTime(timeMs, isLocal), isLocal, exactMs: timeMs };
}

/** The time that is written; `undefined` where the text is none. */
export function timeOf({ text, isLocal, exactMs }: WrittenTime): number | undefined {
  return exactMs ?? parseTime(text, isLocal);
}

/** The text in a zone that may have changed since it was written. */
export function textIn(written: WrittenTime, isLocal: boolean): string {
  const timeMs = timeOf(written);
  return written.isLocal === isLocal || timeMs === undefined ? written.text : formatTime(timeMs, isLocal);
}

/** How long ago something was, or that it never was; Go writes the year 1 for that. */
export function ago(time: string, nowMs: number): string {
  const timeMs = Date.parse(time);
  if (Number.isNaN(timeMs) || timeMs <= 0) return 'never';
  const seconds = Math.max(0, (nowMs - timeMs) / 1000);
  if (seconds < 60) return `${seconds.toFixed(1)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}
