// When the panels of the page of queries ask again by themselves.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useInterval } from '../frame/autoRefresh';
import { QUERY_KEYS } from './useRun';

/** A number that grows whenever panels are to ask again. */
export function useTicks(everyMs: number | undefined): number {
  const client = useQueryClient();
  const [ticks, setTicks] = useState(0);
  const isAsking = () =>
    client.isFetching({
      predicate: ({ queryKey }) => QUERY_KEYS.includes(String(queryKey[0])),
    }) > 0;
  useInterval(everyMs, isAsking, () => setTicks((before) => before + 1));
  return ticks;
}
