// Colours of series: apart from each other, and to be seen on light and on dark grounds.

const FIRST = [
  '#1c7ed6', '#e8590c', '#2f9e44', '#9c36b5', '#e03131', '#0c8599', '#b08800', '#c2255c',
  '#5f3dc4', '#74820d', '#846358', '#4263eb',
];

/** The colour of the series at a place, as `#rrggbb`. */
export function colour(index: number): string {
  const first = FIRST[index];
  if (first !== undefined) return first;
  // Turning by the golden angle keeps each hue away from the ones before.
  return fromHue((index * 137.508) % 360);
}

/** From few to many, on a light and on a dark ground: each step is to be seen on it. */
const HEAT = {
  light: ['#d5eaf0', '#7fc0d0', '#2b8ea6', '#0b5566', '#03222b'],
  dark: ['#1d4650', '#1b7d92', '#3bbad0', '#9be7f2', '#f4feff'],
};

/** The colour of a cell of a heatmap by its strength, from 0 to 1, as `rgb(...)`. */
export function heat(strong: number, isDark: boolean): string {
  const stops = isDark ? HEAT.dark : HEAT.light;
  const at = Math.max(0, Math.min(1, strong)) * (stops.length - 1);
  const index = Math.min(Math.floor(at), stops.length - 2);
  const parts = (stop: string | undefined) =>
    [1, 3, 5].map((from) => Number.parseInt((stop ?? '#000000').slice(from, from + 2), 16));
  const [low, high] = [parts(stops[index]), parts(stops[index + 1])];
  const mixed = low.map((part, channel) =>
    Math.round(part + ((high[channel] ?? part) - part) * (at - index)),
  );
  return `rgb(${mixed.join(',')})`;
}

function fromHue(hue: number): string {
  const part = (offset: number) => {
    const turned = (offset + hue / 30) % 12;
    const level = 0.5 - 0.32 * Math.max(-1, Math.min(turned - 3, 9 - turned, 1));
    return Math.round(level * 255).toString(16).padStart(2, '0');
  };
  return `#${part(0)}${part(8)}${part(4)}`;
}
