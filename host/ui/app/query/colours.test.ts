// Colours of series and of cells.
import { expect, it } from 'vitest';
import { colour, heat } from './colours';

it('each series has its own colour', () => {
  const all = Array.from({ length: 200 }, (_, index) => colour(index));
  expect(new Set(all).size).toBe(200);
  expect(all.every((one) => /^#[0-9a-f]{6}$/.test(one))).toBe(true);
});

it('cells go from the ground to its opposite, and not beyond', () => {
  expect([heat(0, false), heat(0.5, false), heat(1, false)]).toEqual([
    'rgb(213,234,240)', 'rgb(43,142,166)', 'rgb(3,34,43)',
  ]);
  expect([heat(-1, true), heat(2, true)]).toEqual([heat(0, true), heat(1, true)]);
  expect(heat(0.125, true)).toBe('rgb(28,98,113)');
});
