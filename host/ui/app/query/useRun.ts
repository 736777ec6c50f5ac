// One query as it runs: asked anew at each press of the button, and given up when nobody waits.
import { type QueryKey, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import type { Answer } from '../api/client';

/** What the keys of runs begin with. */
export const QUERY_KEYS = ['query', 'query_range'];

export interface Run<T> {
  /** What the server said, and how long it took to say it. */
  answer: (Answer<T> & { tookMs: number; atMs: number }) | undefined;
  error: unknown;
  isRunning: boolean;
  wasCancelled: boolean;
  cancel: () => void;
}

export function useRun<T>(
  key: QueryKey,
  /** Grows where the page asks again by itself: the last answer stays until the next is there. */
  ticks: number,
  isWanted: boolean,
  ask: (atMs: number, signal: AbortSignal) => Promise<Answer<T>>,
): Run<T> {
  const client = useQueryClient();
  const queryKey = [...key, ticks];
  const query = useQuery({
    queryKey,
    enabled: isWanted,
    staleTime: Infinity,
    gcTime: 0,
    // An answer is large, and comparing it with the last one costs more than drawing it anew.
    structuralSharing: false,
    placeholderData: (last: Run<T>['answer'], before) => {
      const isSame =
        before !== undefined && JSON.stringify(before.queryKey.slice(0, -1)) === JSON.stringify(key);
      return isSame ? last : undefined;
    },
    queryFn: async ({ signal }) => {
      const started = performance.now();
      const atMs = Date.now();
      const answer = await ask(atMs, signal);
      return { ...answer, tookMs: performance.now() - started, atMs };
    },
  });
  // A refresh that fails, or that nobody waits for, takes nothing away.
  const kept = useRef<{ key: string; answer: NonNullable<Run<T>['answer']> }>(undefined);
  const name = JSON.stringify(key);
  if (query.data !== undefined) kept.current = { key: name, answer: query.data };
  const answer = kept.current?.key === name ? kept.current.answer : undefined;
  return {
    answer,
    error: query.error,
    isRunning: query.isFetching,
    wasCancelled: isWanted && answer === undefined && query.isPending && !query.isFetching,
    cancel: () => void client.cancelQueries({ queryKey, exact: true }),
  };
}
