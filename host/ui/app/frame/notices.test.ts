import { expect, it } from 'vitest';
import { afterEvents } from './notices';

const line = (text: string, active: boolean) => `data: ${JSON.stringify({ text, active, date: 'd' })}`;

it('notices hold until they are taken back', () => {
  const two = afterEvents([], [line('a', true), '', ': beat', line('b', true), line('a', true)]);
  expect(two.map((notice) => notice.text)).toEqual(['b', 'a']);
  expect(afterEvents(two, [line('b', false)]).map((notice) => notice.text)).toEqual(['a']);
  expect(afterEvents(two, ['data: no', 'data: 7', 'data: {}'])).toEqual(two);
});
