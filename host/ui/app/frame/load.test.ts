import { expect, it, vi } from 'vitest';

vi.mock('../page', () => ({ below: (path: string) => `/${path}` }));

it('waits for a server that is away, and asks it once more', async () => {
  const { load } = await import('./load');
  const states = [false, false, true];
  let waits = 0;
  let tries = 0;
  const take = async () => {
    tries += 1;
    if (tries === 1) throw new Error('no such file');
    return 'page';
  };
  const found = await load(take, async () => states.shift() ?? true, async () => (waits += 1));
  expect([found, tries, waits]).toEqual(['page', 2, 2]);
  await expect(load(() => Promise.reject(new Error('gone')), async () => true)).rejects.toThrow('gone');
});
