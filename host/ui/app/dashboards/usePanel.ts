// What a panel shows: the answers of its queries, of a range or of its end.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { post } from '../api/client';
import type { QueryData, RangeSeries } from '../api/query';
import type { Values } from './interpolation';
import { nameOf, stepOf, type TimeRange, written } from './panelQuery';
import type { BoardPanel } from './spec';

export interface NamedSeries extends RangeSeries {
  name: string;
  /** Which of the panel's queries it answers. */
  query: number;
}

export interface PanelData {
  series: NamedSeries[];
  range: TimeRange;
  stepMs: number;
  warnings: string[];
}

async function askRange(
  panel: BoardPanel,
  values: Values,
  range: TimeRange,
  signal: AbortSignal,
): Promise<PanelData> {
  const asks = panel.queries.map(async (query, place) => {
    if (query.fault !== undefined) throw new Error(query.fault);
    const stepMs = stepOf(range, query.minStepMs);
    const expr = written(query, values, range);
    // Times that are whole steps stay where they are from one refresh to the next.
    const whole = (timeMs: number) => (Math.floor(timeMs / stepMs) * stepMs) / 1000;
    const params = { query: expr, start: whole(range.startMs), end: whole(range.endMs), step: stepMs / 1000 };
    const { data, warnings } = await post<QueryData>('query_range', params, signal);
    const found = data.resultType === 'matrix' ? data.result : [];
    return {
      warnings,
      series: found.map((one) => ({ ...one, name: nameOf(query, expr, one.metric), query: place })),
    };
  });
  const answers = await Promise.all(asks);
  const steps = panel.queries.map((query) => stepOf(range, query.minStepMs));
  const stepMs = Math.min(...steps, stepOf(range, Math.max(...steps, 1000)));
  const whole = (timeMs: number) => Math.floor(timeMs / stepMs) * stepMs;
  return {
    series: answers.flatMap((answer) => answer.series),
    warnings: answers.flatMap((answer) => answer.warnings),
    range: { startMs: whole(range.startMs), endMs: whole(range.endMs) },
    stepMs,
  };
}

async function askEnd(
  panel: BoardPanel,
  values: Values,
  range: TimeRange,
  signal: AbortSignal,
): Promise<PanelData> {
  const asks = panel.queries.map(async (query, place) => {
    if (query.fault !== undefined) throw new Error(query.fault);
    const expr = written(query, values, range);
    const params = { query: expr, time: range.endMs / 1000 };
    const { data, warnings } = await post<QueryData>('query', params, signal);
    const found: RangeSeries[] =
      data.resultType === 'vector'
        ? data.result.map((one) => ({
            metric: one.metric,
            values: one.value === undefined ? [] : [one.value],
          }))
        : data.resultType === 'scalar'
          ? [{ metric: {}, values: [data.result] }]
          : [];
    return {
      warnings,
      series: found.map((one) => ({ ...one, name: nameOf(query, expr, one.metric), query: place })),
    };
  });
  const answers = await Promise.all(asks);
  return {
    series: answers.flatMap((answer) => answer.series),
    warnings: answers.flatMap((answer) => answer.warnings),
    range,
    stepMs: 1000,
  };
}

export function usePanel(
  board: string,
  panel: BoardPanel,
  values: Values,
  range: TimeRange,
  isReady: boolean,
) {
  const isInstant = panel.kind === 'Table';
  const asked = panel.queries.map((query) => written(query, values, range));
  return useQuery({
    queryKey: ['dashboard-panel', board, panel.id, isInstant, asked, range],
    enabled: isReady && panel.queries.length > 0,
    // What was there before stays until the new is there.
    placeholderData: keepPreviousData,
    gcTime: 0,
    queryFn: ({ signal }) => (isInstant ? askEnd : askRange)(panel, values, range, signal),
  });
}
