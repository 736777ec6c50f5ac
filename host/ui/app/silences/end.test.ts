import { describe, expect, it } from 'vitest';
import type { Silence } from '../api/silences';
import { forEach, withEnd } from './end';

const silence: Silence = {
  id: 'i',
  status: { state: 'active' },
  matchers: [],
  startsAt: '2026-01-01T00:00:00Z',
  endsAt: '2026-01-02T00:00:00Z',
  updatedAt: '2026-01-01T00:00:00Z',
  createdBy: 'a',
  comment: 'c',
};

describe('several silences', () => {
  it('get another end and stay what they are', () => {
    expect(withEnd(silence, Date.UTC(2026, 0, 3))).toEqual({
      id: 'i',
      matchers: [],
      startsAt: '2026-01-01T00:00:00Z',
      endsAt: '2026-01-03T00:00:00.000Z',
      createdBy: 'a',
      comment: 'c',
    });
  });
  it('are changed one by one, and a failure is told and stops nothing', async () => {
    const done: string[] = [];
    const failed = await forEach([{ id: '1' }, { id: '2' }, { id: '3' }], async ({ id }) => {
      if (id === '2') throw new Error('gone');
      done.push(id);
    });
    expect([done, failed]).toEqual([['1', '3'], [{ id: '2', reason: 'gone' }]]);
  });
});
