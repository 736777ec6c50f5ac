// The targets of the server, for the pages of targets and of service discovery.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { TargetsData } from '../api/targets';

export function useTargets(state: 'active' | 'any') {
  return useQuery({
    queryKey: ['targets', state],
    queryFn: async ({ signal }) => (await get<TargetsData>('targets', { state }, signal)).data,
  });
}

/** Entries by the pool that they belong to, the pools by name. */
export function byPool<T>(entries: T[], pool: (entry: T) => string): [string, T[]][] {
  const pools = new Map<string, T[]>();
  for (const entry of entries) {
    const name = pool(entry);
    const list = pools.get(name);
    if (list === undefined) pools.set(name, [entry]);
    else list.push(entry);
  }
  return [...pools].sort(([a], [b]) => (a < b ? -1 : 1));
}
