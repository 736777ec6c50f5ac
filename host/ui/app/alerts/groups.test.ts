import { describe, expect, it } from 'vitest';
import type { Alert } from '../api/rules';
import { groupingLabels, groupsBy, matchersOfAll } from './groups';

const alert = (labels: Record<string, string>): Alert => ({
  labels,
  annotations: {},
  state: 'firing',
  value: '1',
});

describe('groupsBy', () => {
  const alerts = [alert({ a: 'x' }), alert({ a: 'y', b: '1' }), alert({ a: 'y' }), alert({ b: '2' })];
  it('puts the largest group first, and what lacks the label last', () => {
    expect(groupsBy(alerts, 'a').map(({ value, alerts: of }) => [value, of.length])).toEqual([
      ['y', 2], ['x', 1], [undefined, 1],
    ]);
  });
  it('is by any label that some have', () => {
    expect(groupingLabels(alerts)).toEqual(['a', 'b']);
  });
});

describe('matchersOfAll', () => {
  it('names what is the same, and all values of what is not', () => {
    expect(
      matchersOfAll([
        { alertname: 'Down', instance: 'a.b:1', only: 'here' },
        { alertname: 'Down', instance: 'c' },
      ]),
    ).toEqual([
      { name: 'alertname', value: 'Down', isRegex: false, isEqual: true },
      { name: 'instance', value: 'a\\.b:1|c', isRegex: true, isEqual: true },
    ]);
    expect(matchersOfAll([])).toEqual([]);
  });
});
