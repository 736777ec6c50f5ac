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

function fromHue(hue: number): string {
  const part = (offset: number) => {
    const turned = (offset + hue / 30) % 12;
    const level = 0.5 - 0.32 * Math.max(-1, Math.min(turned - 3, 9 - turned, 1));
    return Math.round(level * 255).toString(16).padStart(2, '0');
  };
  return `#${part(0)}${part(8)}${part(4)}`;
}
