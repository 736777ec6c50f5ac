// What is remembered of queries.
import { expect, it } from 'vitest';
import { forget, HISTORY_MAX, readHistory, remember } from './history';

function store(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  } as unknown as Storage;
}

it('the newest is first, each is there once, and not more than the bound', () => {
  const kept = store();
  for (let i = 0; i < HISTORY_MAX + 5; i += 1) remember(`q${i}`, kept);
  remember(' q20 ', kept);
  remember('', kept);
  remember('x'.repeat(5000), kept);
  const history = readHistory(kept);
  expect(history).toHaveLength(HISTORY_MAX);
  expect(history.slice(0, 2)).toEqual(['q20', `q${HISTORY_MAX + 4}`]);
  expect(new Set(history).size).toBe(HISTORY_MAX);
  forget(kept);
  expect(readHistory(kept)).toEqual([]);
});

it('what is not ours is no history', () => {
  const kept = store();
  kept.setItem('narthex.query.history', '{"a":');
  expect(readHistory(kept)).toEqual([]);
  kept.setItem('narthex.query.history', '["up", 1]');
  expect(readHistory(kept)).toEqual(['up']);
});
