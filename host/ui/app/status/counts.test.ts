import { describe, expect, it } from 'vitest';
import { countQuery, counts } from './counts';

const series = (value: string, count: string) => ({
  metric: { job: value },
  value: [0, count] as [number, string],
});

describe('counts', () => {
  it('are asked for by a label, of a selector or of all', () => {
    expect(countQuery('up', 'job', 10, '')).toBe('topk(10, count by (job) (up))');
    expect(countQuery(' ', '__name__', 10, '1d')).toBe(
      'topk(10, count by (__name__) ({__name__!=""} offset 1d))',
    );
  });
  it('are in their order, and with those of before in the order of what has changed', () => {
    const now = [series('a', '10'), series('b', '3')];
    expect(counts(now, undefined, 'job').map((one) => one.value)).toEqual(['a', 'b']);
    expect(counts(now, [series('a', '9'), series('c', '7')], 'job')).toEqual([
      { value: 'c', now: 0, before: 7 },
      { value: 'b', now: 3, before: undefined },
      { value: 'a', now: 10, before: 9 },
    ]);
  });
});
