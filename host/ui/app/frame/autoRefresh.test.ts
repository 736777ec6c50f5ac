// The interval of an address.
import { expect, it } from 'vitest';
import { readRefresh, writeRefresh } from './autoRefresh';

it.each([
  [undefined, undefined],
  ['', undefined],
  ['0', undefined],
  ['often', undefined],
  ['5s', 5000],
  ['1m30s', 90_000],
  ['5ms', 1000],
] as const)('%s', (text, everyMs) => {
  expect(readRefresh(text)).toBe(everyMs);
});

it('is read as it was written', () => {
  expect(readRefresh(writeRefresh(300_000))).toBe(300_000);
  expect(writeRefresh(undefined)).toBe('');
});
