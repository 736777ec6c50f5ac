import { describe, expect, it, vi } from 'vitest';

vi.mock('../page', () => ({ below: (path: string) => `/${path}` }));

const { takeLines } = await import('./follow');

describe('takeLines', () => {
  it('puts pieces together', () => {
    expect(takeLines('a', 'b\r\nc\nd')).toEqual({ lines: ['ab', 'c'], rest: 'd' });
    expect(takeLines('', '')).toEqual({ lines: [], rest: '' });
  });
});
