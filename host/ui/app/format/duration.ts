// Prometheus' durations: `1h30m`, and the parts of a length of time for people.

const UNITS: [string, number][] = [
  ['y', 365 * 86_400_000],
  ['w', 7 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

/** Milliseconds of `1d12h`, `90s`, `0`; `undefined` where it is no duration. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  if (trimmed === '') return undefined;
  let rest = trimmed;
  let sum = 0;
  let after = -1;
  while (rest !== '') {
    const match = /^(\d+)(ms|[ywdhms])/.exec(rest);
    if (match === null) return undefined;
    const place = UNITS.findIndex(([unit]) => unit === match[2]);
    const unit = UNITS[place];
    // Each unit once, the larger ones first.
    if (unit === undefined || place <= after) return undefined;
    after = place;
    sum += Number(match[1]) * unit[1];
    rest = rest.slice(match[0].length);
  }
  return sum;
}

/** The shortest text that `parseDuration` reads as so many milliseconds. */
export function formatDuration(durationMs: number): string {
  let rest = Math.round(durationMs);
  if (rest <= 0) return '0s';
  let text = '';
  for (const [unit, size] of UNITS) {
    // Weeks and years are only written where they are whole.
    if ((unit === 'w' || unit === 'y') && rest % size !== 0) continue;
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

/** For people: the two largest parts, of seconds three digits. */
export function shortDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  const three = (value: number) => Number(value.toPrecision(3));
  if (seconds < 1) return `${three(seconds * 1000)} ms`;
  if (seconds < 60) return `${three(seconds)} s`;
  const parts: string[] = [];
  let rest = Math.round(seconds);
  for (const [name, size] of [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]] as const) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || parts.length > 0) parts.push(`${count} ${name}`);
    if (parts.length === 2) break;
  }
  return parts.filter((part) => !part.startsWith('0 ')).join(' ');
}
