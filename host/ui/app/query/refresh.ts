// How often the page of queries asks again by itself: part of its address, and nothing while nobody
// looks or an answer is still awaited.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { formatDuration, parseDuration } from '../format/duration';
import { QUERY_KEYS } from './useRun';

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

/** A number that grows whenever panels are to ask again. */
export function useTicks(everyMs: number | undefined): number {
  const client = useQueryClient();
  const [ticks, setTicks] = useState(0);
  const dueMs = useRef(Infinity);
  useEffect(() => {
    if (everyMs === undefined) return;
    dueMs.current = performance.now() + everyMs;
    const look = () => {
      if (document.hidden || performance.now() < dueMs.current) return;
      // A query that takes longer than the interval would never come to its end.
      const isAsking = client.isFetching({
        predicate: ({ queryKey }) => QUERY_KEYS.includes(String(queryKey[0])),
      });
      if (isAsking > 0) return;
      dueMs.current = performance.now() + everyMs;
      setTicks((before) => before + 1);
    };
    const timer = setInterval(look, Math.min(everyMs, INTERVAL_MS_MIN));
    // Who comes back sees what is new at once.
    document.addEventListener('visibilitychange', look);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [everyMs, client]);
  return ticks;
}
