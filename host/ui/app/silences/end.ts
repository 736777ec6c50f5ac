// The change of several silences at once.
import type { PostedSilence, Silence } from '../api/silences';

/** A silence as it is, but with another end. */
export function withEnd(silence: Silence, endMs: number): PostedSilence {
  const { id, matchers, startsAt, createdBy, comment } = silence;
  return { id, matchers, startsAt, endsAt: new Date(endMs).toISOString(), createdBy, comment };
}

/** Does something for each, one behind the other; what failed is named, and stops nothing. */
export async function forEach<T extends { id: string }>(
  all: T[],
  act: (one: T) => Promise<unknown>,
): Promise<{ id: string; reason: string }[]> {
  const failed: { id: string; reason: string }[] = [];
  for (const one of all) {
    try {
      await act(one);
    } catch (error) {
      failed.push({ id: one.id, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return failed;
}
