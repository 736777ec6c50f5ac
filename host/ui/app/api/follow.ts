// Answers that go on for as long as somebody reads: lines of a log, and events.
import { below } from '../page';
import { ApiError } from './client';

/** A line may have so many characters; a longer one is cut. */
const LINE_CHARS_MAX = 1 << 20;

/** The lines of a text that comes in pieces, and what is left of it. */
export function takeLines(before: string, piece: string): { lines: string[]; rest: string } {
  const parts = (before + piece).split('\n');
  const rest = (parts.pop() ?? '').slice(0, LINE_CHARS_MAX);
  return { lines: parts.map((line) => line.replace(/\r$/, '')), rest };
}

/** Reads lines until the server ends them or nobody wants them any more. */
export async function follow(
  path: string,
  signal: AbortSignal,
  take: (lines: string[]) => void,
): Promise<void> {
  const response = await fetch(below(`api/v1/${path}`), { credentials: 'same-origin', signal });
  if (!response.ok || response.body === null) {
    const said = await response.text();
    let reason = said.slice(0, 500);
    try {
      const { error } = JSON.parse(said) as { error?: unknown };
      if (typeof error === 'string') reason = error;
    } catch {
      // It is not JSON, so it is shown as it is.
    }
    throw new ApiError('unavailable', reason || response.statusText, response.status);
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const taken = takeLines(rest, value);
    rest = taken.rest;
    if (taken.lines.length > 0) take(taken.lines);
  }
}
