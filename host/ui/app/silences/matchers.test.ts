// Matchers between people, addresses and Alertmanager.
import { expect, it } from 'vitest';
import { fault, matcherText, OPERATORS, operator, parseMatchers, readMatchers, silenceOf, withOperator } from './matchers';

const plain = { name: 'job', value: 'a"b', isRegex: false, isEqual: true };

it.each(OPERATORS)('%s is kept', (op) => {
  expect(operator(withOperator(plain, op))).toBe(op);
});

it('are written as Alertmanager reads them', () => {
  expect(matcherText(plain)).toBe('job="a\\"b"');
  expect(matcherText({ name: 'http.status', value: '5..', isRegex: true, isEqual: false })).toBe(
    '"http.status"!~"5.."',
  );
  expect(matcherText({ name: 'job', value: 'x', isRegex: false })).toBe('job="x"');
});

it('of an alert go through an address', () => {
  const search = silenceOf({ alertname: 'A', job: 'x&y' });
  expect(readMatchers(search).map(matcherText)).toEqual(['alertname="A"', 'job="x&y"']);
});

it.each(['', '{', '{"a":1}', '[1, null, {"name":1,"value":"x"}]'])('reads nothing of %j', (matchers) => {
  expect(readMatchers({ matchers })).toEqual([]);
});

it.each([
  ['', []],
  ['{}', []],
  ['{alertname="A"}', ['alertname="A"']],
  ['alertname=A, job!=b,', ['alertname="A"', 'job!="b"']],
  ['{ a =~ "x|y" , "b c"!~"" }', ['a=~"x|y"', '"b c"!~""']],
  // Escapes, braces and commas within quotes; signs that a pattern has.
  ['{a="q\\"\\\\ \\n,}",b=~"\\d+"}', ['a="q\\"\\\\ \\n,}"', 'b=~"\\\\d+"']],
  ['naïve="ü"', ['"naïve"="ü"']],
  ['a', undefined],
  ['{a="b"', undefined],
  ['a="b" c="d"', undefined],
  ['="b"', undefined],
  ['a="b', undefined],
])('%s is read as Alertmanager does', (text, matchers) => {
  expect(parseMatchers(text)?.map(matcherText)).toEqual(matchers);
});

it('of a link of Alertmanager begin a silence', () => {
  const search = { filter: '{alertname="A",job=~"x|y"}' };
  expect(readMatchers(search).map(matcherText)).toEqual(['alertname="A"', 'job=~"x|y"']);
  expect(readMatchers({ filter: '{' })).toEqual([]);
});

it('are refused where they match everything', () => {
  expect(fault([])).toContain('at least one');
  expect(fault([{ ...plain, name: ' ' }])).toContain('a name');
  expect(fault([{ ...plain, value: '' }])).toContain('must not match');
  expect(fault([{ ...plain, value: '.*', isRegex: true }])).toContain('must not match');
  expect(fault([{ ...plain, isEqual: false }])).toContain('must not match');
  expect(fault([plain, { ...plain, value: '.*', isRegex: true }])).toBeUndefined();
  expect(fault([{ ...plain, value: '(?i)x', isRegex: true }])).toBeUndefined();
});
