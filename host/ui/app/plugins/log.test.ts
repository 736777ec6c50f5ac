import { describe, expect, it } from 'vitest';
import { LINES_MAX, readEntries, withEntries } from './log';

describe('a followed log', () => {
  it('is read line by line, and what is no line is left out', () => {
    expect(readEntries(['{"dropped":3}', '', 'no', '7'])).toEqual([{ dropped: 3 }]);
  });
  it('keeps its last lines', () => {
    const many = Array.from({ length: LINES_MAX + 5 }, (_, dropped) => ({ dropped }));
    const kept = withEntries(many, [{ dropped: -1 }]);
    expect(kept.length).toBe(LINES_MAX);
    expect(kept.at(-1)).toEqual({ dropped: -1 });
  });
});
