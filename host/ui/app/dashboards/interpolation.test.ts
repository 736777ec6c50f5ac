import { describe, expect, it } from 'vitest';
import { interpolateQuery, interpolateText, references, type VariableValue } from './interpolation';

const value = (texts: string[], isPattern = false): VariableValue => ({ texts, isPattern });

const VALUES = new Map([
  ['one', value(['a.b'])],
  ['two', value(['a.b', 'c'])],
  ['bad', value(['x"} or vector(1) or up{a="', 'y\\'])],
  ['step', value(['5m'], true)],
  ['pattern', value(['a.*|b'], true)],
  ['none', value([])],
]);

describe('interpolateQuery', () => {
  it.each([
    ['up{job="$one"}', 'up{job="a.b"}'],
    // Where a matcher takes a pattern, a value of a label is that value and nothing else.
    ['up{job=~"$one"}', 'up{job=~"a\\\\.b"}'],
    ['up{job =~ "x-${two}"}', 'up{job =~ "x-(a\\\\.b|c)"}'],
    ["up{job!~'$two'}", "up{job!~'(a\\\\.b|c)'}"],
    ['up{job=~"$pattern"}', 'up{job=~"a.*|b"}'],
    ['rate(x[$step])', 'rate(x[5m])'],
    ['rate(x[${step}:1m])', 'rate(x[5m:1m])'],
    ['up{job=~"$none"}', 'up{job=~"()"}'],
    // What nobody knows stays, as `$1` of label_replace.
    ['label_replace(up, "a", "$1", "b", "(.*)$")', 'label_replace(up, "a", "$1", "b", "(.*)$")'],
    ['up{a="\\"$one"}', 'up{a="\\"a.b"}'],
    ['${two:csv}', 'a.b,c'],
    ['${two:pipe}', 'a.b|c'],
    ['${two:doublequote}', '"a.b","c"'],
    ['${one:regex}', 'a\\.b'],
  ])('%s is %s', (query, expected) => {
    expect(interpolateQuery(query, VALUES)).toBe(expected);
  });

  it('lets no value out of its quotes', () => {
    const written = interpolateQuery('up{a="${bad:csv}"}', VALUES);
    expect(written).toBe('up{a="x\\"} or vector(1) or up{a=\\",y\\\\"}');
    expect(interpolateQuery('up{a=`${one}`}', new Map([['one', value(['`} or up{b=`'])]]))).toBe(
      'up{a=`} or up{b=`}',
    );
  });
});

describe('references', () => {
  it('finds both forms', () => {
    expect(references('up{a="$one",b=~"${two:regex}"}')).toEqual(['one', 'two']);
  });
});

describe('interpolateText', () => {
  it('joins what is chosen', () => {
    expect(interpolateText('of $two, $unknown', VALUES)).toBe('of a.b, c, $unknown');
  });
});
