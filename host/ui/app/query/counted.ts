// How the statistics of a query are asked for, apart from its answer.
import type { QueryKey } from '@tanstack/react-query';
import type { Answer } from '../api/client';
import type { QueryData } from '../api/query';

/** Asks for a query again, with its statistics and hardly any of its answer. */
export interface Counted {
  key: QueryKey;
  ask: (atMs: number, signal: AbortSignal) => Promise<Answer<QueryData>>;
}

/** What a query that is counted is sent with: of the answer itself one series is enough. */
export const COUNTED = { stats: 'all', limit: 1 };
