import { describe, expect, it } from 'vitest';
import { type ListVariable, readBoard, type Variable } from './spec';
import { ALL, chosenOf, inOrder, optionsOf, readChosen, valueOf, writeChosen } from './values';

function variables(...specs: object[]): Variable[] {
  const written = specs.map((spec) => ({ kind: 'ListVariable', spec }));
  return readBoard({ spec: { variables: written } }).variables;
}

function listed(spec: object): ListVariable {
  const [variable] = variables({ name: 'job', ...spec });
  if (variable?.kind !== 'list') throw new Error('it is a list');
  return variable;
}

const matching = (name: string, matcher: string) => ({
  name,
  plugin: { kind: 'PrometheusLabelValuesVariable', spec: { labelName: name, matchers: [matcher] } },
});

const plain = (...texts: string[]) => texts.map((value) => ({ value, label: value }));

describe('an address', () => {
  const several = listed({ allowMultiple: true });
  it.each([
    [['a'], 'a'],
    [['a', 'b'], '["a","b"]'],
    [['a,b'], '["a,b"]'],
    [['[a'], '["[a"]'],
    [[ALL], ALL],
    [[], ''],
  ])('keeps %o', (chosen, text) => {
    expect(writeChosen(several, chosen)).toBe(text);
    if (text !== '') expect(readChosen(several, { 'var-job': text })).toEqual(chosen);
  });
  it('is read as Perses writes it', () => {
    expect(readChosen(several, { 'var-job': 'a,b' })).toEqual(['a', 'b']);
    expect(readChosen(several, { 'var-other': 'a' })).toBeUndefined();
  });
  it('has one value for what is one', () => {
    const one = listed({});
    expect(readChosen(one, { 'var-job': 'a,b' })).toEqual(['a,b']);
    expect(writeChosen(one, ['a,b'])).toBe('a,b');
  });
});

describe('what is chosen', () => {
  it('is what the address says, then the default, then the first', () => {
    const options = plain('x', 'y');
    expect(chosenOf(listed({ defaultValue: 'd' }), ['a'], options)).toEqual(['a']);
    expect(chosenOf(listed({ defaultValue: 'd' }), undefined, options)).toEqual(['d']);
    expect(chosenOf(listed({}), undefined, options)).toEqual(['x']);
    expect(chosenOf(listed({}), undefined, undefined)).toBeUndefined();
    expect(chosenOf(listed({ allowAllValue: true }), undefined, options)).toEqual([ALL]);
    expect(chosenOf(listed({}), [ALL], options)).toEqual(['x']);
  });
  it('stands in a query for all there are, however many', () => {
    const all = listed({ allowAllValue: true });
    expect(valueOf(all, [ALL], plain('x', 'y'), true)?.texts).toEqual(['x', 'y']);
    expect(valueOf(all, [ALL], plain('x', 'y'), false)?.texts).toEqual(['.+']);
    expect(valueOf(all, [ALL], undefined, true)).toBeUndefined();
    const custom = listed({ allowAllValue: true, customAllValue: '.*' });
    expect(valueOf(custom, [ALL], undefined, true)).toEqual({ texts: ['.*'], isPattern: true });
  });
});

describe('options', () => {
  it('are captured, once each, and in their order', () => {
    const capturing = listed({ capturingRegexp: 'node-(.*)', sort: 'alphabetical-desc' });
    const found = optionsOf(capturing, plain('node-a', 'node-b', 'node-a', 'other'));
    expect(found.map((option) => option.value)).toEqual(['b', 'a']);
    const numbers = optionsOf(listed({ sort: 'numerical-asc' }), plain('10', '9'));
    expect(numbers.map((option) => option.value)).toEqual(['9', '10']);
  });
  it('are asked for behind what they need, and of a circle too', () => {
    const names = inOrder(
      variables(matching('pod', 'up{job="$job"}'), matching('job', 'up'), matching('a', 'x{b="$b"}'), matching('b', 'x{a="$a"}')),
    ).map((variable) => variable.name);
    expect(names.slice(0, 2)).toEqual(['job', 'pod']);
    expect(names.slice(2).sort()).toEqual(['a', 'b']);
  });
});
