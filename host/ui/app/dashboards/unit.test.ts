import { describe, expect, it } from 'vitest';
import { readFormat } from './spec';
import { formatValue } from './unit';

describe('formatValue', () => {
  it.each([
    [1234.5678, {}, '1234.57'],
    [1234.5678, { decimalPlaces: 0 }, '1235'],
    [1234567, { shortValues: true }, '1.235M'],
    [12345678, {}, '12.35M'],
    [0, {}, '0'],
    [0.00012346, {}, '0.0001235'],
    [0.123456, { unit: 'percent-decimal' }, '12.35%'],
    [12.3456, { unit: 'percent' }, '12.35%'],
    [1536, { unit: 'bytes' }, '1.5 KiB'],
    [1500, { unit: 'decbytes' }, '1.5 kB'],
    [-2048, { unit: 'bytes/sec' }, '-2.0 KiB/s'],
    [0.25, { unit: 'seconds' }, '250 ms'],
    [90, { unit: 'seconds' }, '1 min 30 s'],
    [1500, { unit: 'milliseconds' }, '1.5 s'],
    [-0.25, { unit: 'seconds' }, '−250 ms'],
    [0, { unit: 'seconds' }, '0 s'],
    [12.5, { unit: 'requests/sec' }, '12.5 req/s'],
    [12.5, { unit: 'counts/sec' }, '12.5/s'],
    [3, { unit: 'ops/sec' }, '3 ops/s'],
    [3, { unit: 'usd' }, '3 usd'],
    [NaN, {}, 'NaN'],
    [Infinity, {}, '+Inf'],
  ])('%s with %o is %s', (value, format, expected) => {
    expect(formatValue(value, readFormat(format))).toBe(expected);
  });
});
