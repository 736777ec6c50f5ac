// Expressions before and after a press on a label.
import { expect, it } from 'vitest';
import { addMatcher } from './addMatcher';

it.each([
  ['up', 'up{job="a"}'],
  ['up{}', 'up{job="a"}'],
  ['{__name__="up"}', '{__name__="up", job="a"}'],
  ['up{x="y",}', 'up{x="y", job="a"}'],
  ['up{ x="y" } offset 5m', 'up{ x="y", job="a" } offset 5m'],
  ['up{job="b"}', 'up{job="a"}'],
  ['up{job=~"a|b"}', 'up{job=~"a|b", job="a"}'],
  ['up{job="a"}', 'up{job="a"}'],
  ['{"na me"}', '{"na me", job="a"}'],
  ['sum by (job) (rate(x[5m])) / on (job) y{z!=""}', 'sum by (job) (rate(x{job="a"}[5m])) / on (job) y{z!="", job="a"}'],
  ['rate(up[5m:1m])', 'rate(up{job="a"}[5m:1m])'],
  ['up{job', 'up{job'],
  ['vector(1)', 'vector(1)'],
])('%s', (before, after) => {
  expect(addMatcher(before, 'job', '=', 'a')).toBe(after);
});

it('quotes what needs it, and finds what is quoted', () => {
  expect(addMatcher('up', 'na"me', '=', 'C:\\a\n"')).toBe('up{"na\\"me"="C:\\\\a\\n\\""}');
  expect(addMatcher('up{"na\\"me"="x"}', 'na"me', '=', 'y')).toBe('up{"na\\"me"="y"}');
});

it('leaves out', () => {
  expect(addMatcher('up{job="a", x="y"}', 'job', '!=', 'a')).toBe('up{job!="a", x="y"}');
  expect(addMatcher('up{job!="a"}', 'job', '=', 'a')).toBe('up{job="a"}');
  expect(addMatcher('up{job!="a"}', 'job', '!=', 'b')).toBe('up{job!="a", job!="b"}');
});
