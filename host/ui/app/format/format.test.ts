// What the pages write, as tables of inputs and texts.
import { describe, expect, it } from 'vitest';
import { cell, csv } from './csv';
import { formatDuration, parseDuration, shortDuration } from './duration';
import { webAddress } from './link';
import { axisValue, formatBytes, formatCount, parseValue, plainValue } from './number';
import { seriesName } from './series';
import { ago, formatTime, parseTime, textIn, timeOf, writtenTime } from './time';

describe('durations', () => {
  it.each([
    ['1h', 3_600_000],
    ['1h30m', 5_400_000],
    ['1d12h', 129_600_000],
    ['5ms', 5],
    ['0', 0],
    ['2w', 1_209_600_000],
  ])('reads %s', (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs);
  });
  it.each(['', '1', 'h', '1h1h', '1m1h', '-1h', '1.5h', '1h x'])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
  it.each(['1h', '1h30m', '1d12h', '5ms', '2w', '1y', '1m1s500ms', '15s'])(
    'writes %s as it was',
    (text) => {
      expect(formatDuration(parseDuration(text) ?? -1)).toBe(text);
    },
  );
  it.each([
    [0.0123, '12.3 ms'],
    [2.5, '2.5 s'],
    [15, '15 s'],
    [90, '1 min 30 s'],
    [3600, '1 h'],
    [90_061, '1 d 1 h'],
    [-1, '–'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(shortDuration(seconds)).toBe(text);
  });
});

describe('times', () => {
  it('are written and read in UTC and in the local zone', () => {
    const timeMs = Date.UTC(2026, 10, 22, 10, 5, 9);
    expect(formatTime(timeMs, false)).toBe('2026-11-22 10:05:09');
    for (const isLocal of [true, false]) {
      expect(parseTime(formatTime(timeMs, isLocal), isLocal)).toBe(timeMs);
    }
    expect(parseTime('2026-11-22 10:05', false)).toBe(timeMs - 9000);
    expect(parseTime('2026-11-22', false)).toBe(Date.UTC(2026, 10, 22));
    for (const text of [
      '2026-11-22T10:05:09Z', '2026-11-22T11:05:09.000+01:00', String(timeMs / 1000), String(timeMs),
    ]) {
      expect(parseTime(text, true), text).toBe(timeMs);
    }
  });
  it.each(['', 'now', '2026-13-01', '2026-02-31 00:00', '22.11.2026', '12345', '2026-13-01T00:00Z'])('refuses %j', (text) => {
    expect(parseTime(text, false)).toBeUndefined();
  });
  it('written in one zone stay the same when another is looked at', () => {
    const timeMs = Date.UTC(2026, 9, 25, 1, 30, 0, 417);
    for (const isLocal of [true, false]) {
      const written = writtenTime(timeMs, isLocal);
      expect(timeOf(written)).toBe(timeMs);
      expect(textIn(written, !isLocal)).toBe(formatTime(timeMs, !isLocal));
    }
    const typed = { text: '2026-10-25 01:30', isLocal: false };
    expect(textIn(typed, false)).toBe('2026-10-25 01:30');
    expect(textIn(typed, true)).toBe(formatTime(timeMs, true));
    expect(timeOf({ ...typed, text: 'soon' })).toBeUndefined();
    expect(textIn({ ...typed, text: 'soon' }, true)).toBe('soon');
  });
  it('says how long ago', () => {
    const nowMs = Date.UTC(2026, 0, 1, 12);
    expect(ago('2026-01-01T11:59:57.5Z', nowMs)).toBe('2.5 s ago');
    expect(ago('2026-01-01T09:00:00Z', nowMs)).toBe('3 h ago');
    expect(ago('0001-01-01T00:00:00Z', nowMs)).toBe('never');
  });
});

describe('numbers', () => {
  it.each([
    [0, '0'],
    [1234, '1.234k'],
    [1.5e9, '1.5G'],
    [-2e6, '-2M'],
    [0.25, '0.25'],
    [1e-7, '1e-7'],
    [Infinity, 'Infinity'],
  ])('%d on an axis is %s', (value, text) => {
    expect(axisValue(value)).toBe(text);
  });
  it('reads what the API writes', () => {
    expect([parseValue('+Inf'), parseValue('-Inf'), parseValue('1e3')]).toEqual([
      Infinity, -Infinity, 1000,
    ]);
    expect(parseValue('NaN')).toBeNaN();
  });
  it('writes values without needless digits', () => {
    expect(['0e+00', '1.5e+01', '+Inf', 'NaN'].map(plainValue)).toEqual(['0', '15', '+Inf', 'NaN']);
  });
  it('writes bytes and counts', () => {
    expect(formatBytes(512)).toBe('512 B');
    expect(formatBytes(13_107_200)).toBe('12.5 MiB');
    expect(formatCount(1234567)).toBe('1\u202f234\u202f567');
  });
});

describe('names of series', () => {
  it.each([
    [{}, '{}'],
    [{ __name__: 'up' }, 'up'],
    [{ __name__: 'up', job: 'a', instance: 'i' }, 'up{instance="i", job="a"}'],
    [{ job: 'a' }, '{job="a"}'],
    [{ __name__: 'http.requests', 'http.status': '2"0' }, '{"http.requests", "http.status"="2\\"0"}'],
    [{ __name__: 'up', path: 'C:\\a\nb' }, 'up{path="C:\\\\a\\nb"}'],
  ])('%j', (labels, text) => {
    expect(seriesName(labels as Record<string, string>)).toBe(text);
  });
});

describe('csv', () => {
  it.each([
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['say "x"', '"say ""x"""'],
    ['=HYPERLINK("http://x")', '"\'=HYPERLINK(""http://x"")"'],
    ['-1.5e-3', '-1.5e-3'],
    ['+Inf', '+Inf'],
    ['-x', "'-x"],
  ])('%s', (text, written) => {
    expect(cell(text)).toBe(written);
  });
  it('ends each row', () => {
    expect(csv([['a', 'b'], ['1', '2']])).toBe('a,b\r\n1,2\r\n');
  });
});

describe('links', () => {
  it.each([
    ['https://a.example/x?y=1', 'https://a.example/x?y=1'],
    [' http://a ', 'http://a/'],
    ['javascript:alert(1)', undefined],
    ['JaVaScRiPt://a/%0aalert(1)', undefined],
    ['data:text/html,<script>', undefined],
    ['see https://a.example', undefined],
    ['//a.example', undefined],
    ['', undefined],
  ])('%j', (text, address) => {
    expect(webAddress(text)).toBe(address);
  });
});
