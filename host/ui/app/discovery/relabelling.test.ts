// What a step of relabelling changes.
import { expect, it } from 'vitest';
import { changes, ruleText } from './relabelling';

it('names what is new, gone and another', () => {
  expect(changes({ a: '1', b: '2', c: '3' }, { a: '1', b: 'x', d: '4' })).toEqual([
    { name: 'b', before: '2', after: 'x' },
    { name: 'c', before: '3', after: undefined },
    { name: 'd', before: undefined, after: '4' },
  ]);
  expect(changes({ a: '1' }, { a: '1' })).toEqual([]);
});

it('writes a rule with what it says', () => {
  const rule = { sourceLabels: ['a', 'b'], regex: 'x', targetLabel: '', modulus: null, action: 'drop' };
  expect(ruleText(rule)).toBe('sourceLabels: ["a","b"]\nregex: x\naction: drop');
});
