// A value with its unit, as Perses' formats say it.
import { axisValue, formatBytes } from '../format/number';
import { shortDuration } from '../format/duration';
import type { Format } from './spec';

const SECONDS: Record<string, number> = {
  nanoseconds: 1e-9,
  microseconds: 1e-6,
  milliseconds: 1e-3,
  seconds: 1,
  minutes: 60,
  hours: 3600,
  days: 86_400,
  weeks: 604_800,
  months: 2_592_000,
  years: 31_536_000,
};

const BITS = ['b', 'kb', 'Mb', 'Gb', 'Tb', 'Pb'];
const DECIMAL_BYTES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

function stepped(value: number, names: string[], decimals: number): string {
  let rest = value;
  let place = 0;
  while (Math.abs(rest) >= 1000 && place < names.length - 1) {
    rest /= 1000;
    place += 1;
  }
  return `${trimmed(rest, decimals)} ${names[place]}`;
}

function trimmed(value: number, decimals: number): string {
  return String(Number(value.toFixed(decimals)));
}

/** So many digits behind the point where a format does not say. */
const DECIMALS = 2;

function plain(value: number, format: Format): string {
  const { decimals, isShort } = format;
  if (isShort || (decimals === undefined && Math.abs(value) >= 1e6)) return axisValue(rounded(value));
  if (decimals !== undefined) return value.toFixed(Math.min(Math.max(0, decimals), 20));
  // Small values keep what tells them apart.
  return Math.abs(value) < 0.1 ? axisValue(rounded(value)) : trimmed(value, DECIMALS);
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** A value as people read it. */
export function formatValue(value: number, format: Format): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '−Inf';
  const { unit } = format;
  const decimals = format.decimals ?? DECIMALS;
  const perSecond = unit.endsWith('/sec');
  const of = perSecond ? unit.slice(0, -'/sec'.length) : unit;
  const end = perSecond ? '/s' : '';
  const seconds = SECONDS[of];
  if (seconds !== undefined) {
    const sign = value < 0 ? '−' : '';
    return value === 0 ? '0 s' : `${sign}${shortDuration(Math.abs(value) * seconds)}`;
  }
  switch (of) {
    case 'percent':
    case 'percent-0-100':
      return `${trimmed(value, decimals)}%`;
    case 'percent-decimal':
    case 'percent-0-1':
      return `${trimmed(value * 100, decimals)}%`;
    case 'bytes':
      return `${formatBytes(Number(value.toPrecision(12)))}${end}`;
    case 'decbytes':
      return `${stepped(value, DECIMAL_BYTES, decimals)}${end}`;
    case 'bits':
    case 'decbits':
      return `${stepped(value, BITS, decimals)}${end}`;
    case 'counts':
      return `${plain(value, format)}${end}`;
    case 'requests':
      return perSecond ? `${plain(value, format)} req/s` : plain(value, format);
    case 'events':
    case 'messages':
    case 'ops':
    case 'packets':
    case 'reads':
    case 'records':
    case 'rows':
    case 'writes':
      return perSecond ? `${plain(value, format)} ${of}/s` : plain(value, format);
    case 'decimal':
    case '':
      return plain(value, format);
    default:
      return `${plain(value, format)} ${unit}`;
  }
}
