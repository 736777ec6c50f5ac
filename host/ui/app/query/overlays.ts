// What is asked beside a graph's own query: its exemplars, and which alerts fired meanwhile.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { post } from '../api/client';
import type { ExemplarSeries, QueryData } from '../api/query';
import { type AlertMark, alertMarks, type ExemplarMark, exemplarMarks } from './marks';
import type { Range } from './panel';

/** What was found, as far as it is there yet. */
export interface Found<T> {
  marks: T[];
  /** How many there are, with those that are left out. */
  all: number;
  error: unknown;
}

const NO_EXEMPLARS: ExemplarMark[] = [];
const NO_ALERTS: AlertMark[] = [];

export function useExemplars(expr: string, range: Range, isWanted: boolean): Found<ExemplarMark> {
  const { startMs, endMs } = range;
  const query = useQuery({
    queryKey: ['query_exemplars', expr, startMs, endMs],
    enabled: isWanted,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => {
      const params = { query: expr, start: startMs / 1000, end: endMs / 1000 };
      return post<ExemplarSeries[]>('query_exemplars', params, signal);
    },
  });
  const data = isWanted ? query.data?.data : undefined;
  const found = useMemo(
    () => (data === undefined ? { marks: NO_EXEMPLARS, all: 0 } : exemplarMarks(data)),
    [data],
  );
  return { ...found, error: isWanted ? query.error : null };
}

/** Which alerts fired, by their names. */
export function useAlerts(range: Range, isWanted: boolean): Found<AlertMark> {
  const { startMs, endMs, stepMs } = range;
  const query = useQuery({
    queryKey: ['alerts fired', startMs, endMs, stepMs],
    enabled: isWanted,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => {
      const params = {
        query: 'max by (alertname) (ALERTS{alertstate="firing"})',
        start: startMs / 1000,
        end: endMs / 1000,
        step: stepMs / 1000,
      };
      return post<QueryData>('query_range', params, signal);
    },
  });
  const data = isWanted ? query.data?.data : undefined;
  const series = data?.resultType === 'matrix' ? data.result : undefined;
  const marks = useMemo(
    () => (series === undefined ? NO_ALERTS : alertMarks(series, stepMs / 1000)),
    [series, stepMs],
  );
  return { marks, all: series?.length ?? 0, error: isWanted ? query.error : null };
}
