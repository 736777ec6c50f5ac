// Trees of the API in words.
import { expect, it } from 'vitest';
import { explain } from './syntax';

const rate = {
  type: 'call',
  func: { name: 'rate', returnType: 'vector' },
  args: [
    {
      type: 'matrixSelector',
      name: 'http_requests_total',
      matchers: [
        { name: 'job', type: '=~', value: 'a|"b' },
        { name: '__name__', type: '=', value: 'http_requests_total' },
      ],
      range: 300_000,
      offset: 3_600_000,
      timestamp: null,
      startOrEnd: null,
    },
  ],
};

it('says what each node does', () => {
  const tree = explain({
    type: 'aggregation', op: 'sum', grouping: ['job'], without: false, param: null, expr: rate,
  });
  expect(tree.text).toBe('sum by (job)');
  expect(tree.below[0]?.text).toBe('rate(…)');
  const leaf = tree.below[0]?.below[0];
  expect(leaf?.text).toBe('http_requests_total{job=~"a|\\"b"}[5m] offset 1h');
  expect(leaf?.meaning).toContain('1h earlier');
  expect(leaf?.selector).toEqual({
    text: '{job=~"a|\\"b", __name__="http_requests_total"} offset 1h',
    metric: '{__name__="http_requests_total"} offset 1h',
  });
});

it('says how series are paired', () => {
  const number = { type: 'numberLiteral', val: '1' };
  const tree = explain({
    type: 'binaryExpr', op: '/', bool: false, lhs: number, rhs: number,
    matching: { card: 'many-to-one', labels: ['job'], on: true, include: ['team'] },
  });
  expect(tree.text).toBe('/ on (job) group_left (team)');
  expect(tree.meaning).toBe('Pairs series many-to-one, by the labels job.');
  expect(tree.below).toHaveLength(2);
});

it('shows a node that it does not know', () => {
  expect(explain({ type: 'somethingNew' })).toEqual({ text: 'somethingNew', meaning: '', below: [] });
});
