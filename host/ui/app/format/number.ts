// Values as people read them.

/** The number that a value of the API is. */
export function parseValue(text: string): number {
  if (text === '+Inf' || text === 'Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return Number(text);
}

/** A value of the API without needless digits: `0e+00` is `0`. */
export function plainValue(text: string): string {
  const value = parseValue(text);
  return Number.isFinite(value) ? String(value) : text;
}

const STEPS: [number, string][] = [
  [1e15, 'P'],
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** For an axis: at most five digits, thousands as letters. */
export function axisValue(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size === 0) return '0';
  for (const [step, letter] of STEPS) {
    if (size >= step) return `${trim(value / step)}${letter}`;
  }
  if (size < 1e-4) return value.toExponential(2).replace(/\.?0+e/, 'e');
  return trim(value);
}

function trim(value: number): string {
  return String(Number(value.toPrecision(5)));
}

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `12.5 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < BYTES.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${BYTES[unit]}`;
}

/** `1 234 567`, with narrow spaces. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');
}
