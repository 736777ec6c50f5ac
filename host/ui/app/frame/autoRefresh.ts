// A page that asks again by itself: how often is part of its address.
import { useEffect, useRef } from 'react';
import { formatDuration, parseDuration } from '../format/duration';

/** The intervals that one can choose, in milliseconds. */
export const INTERVALS_MS = [5_000, 10_000, 30_000, 60_000, 300_000, 900_000];

/** A shorter interval is a burden for the server and of use to nobody. */
const INTERVAL_MS_MIN = 1_000;

/** Reads the address's `refresh`; `undefined` is never. */
export function readRefresh(text: string | undefined): number | undefined {
  const read = parseDuration(text ?? '');
  return read === undefined || read === 0 ? undefined : Math.max(INTERVAL_MS_MIN, read);
}

/** What the address says of it; "" where it is never. */
export function writeRefresh(everyMs: number | undefined): string {
  return everyMs === undefined ? '' : formatDuration(everyMs);
}

/**
 * Asks again every so often, while somebody looks and nothing is awaited; who comes back to a page
 * that was hidden sees what is new at once.
 */
export function useInterval(everyMs: number | undefined, isAsking: () => boolean, ask: () => void) {
  // What is newest is called, without beginning anew.
  const calls = useRef({ isAsking, ask });
  calls.current = { isAsking, ask };
  useEffect(() => {
    if (everyMs === undefined) return;
    let dueMs = performance.now() + everyMs;
    const look = () => {
      if (document.hidden || performance.now() < dueMs) return;
      // What takes longer than the interval would never come to its end.
      if (calls.current.isAsking()) return;
      dueMs = performance.now() + everyMs;
      calls.current.ask();
    };
    const timer = setInterval(look, Math.min(everyMs, INTERVAL_MS_MIN));
    document.addEventListener('visibilitychange', look);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [everyMs]);
}
