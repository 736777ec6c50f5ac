// What a panel shows: the answers of its queries, of a range or of its end.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { post } from '../api/client';
import type { QueryData, RangeSeries } from '../api/query';
import type { Values } from './interpolation';
import { inSteps, nameOf, stepOf, type TimeRange, written } from './panelQuery';
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
  const stepMs = stepOf(range, panel.queries);
  const whole = inSteps(range, stepMs);
  const asks = panel.queries.map(async (query, place) => {
    if (query.fault !== undefined) throw new Error(query.fault);
    const expr = written(query, values, range, stepMs);
    const params = {
      query: expr,
      start: whole.startMs / 1000,
      end: whole.endMs / 1000,
      step: stepMs / 1000,
    };
    const { data, warnings } = await post<QueryData>('query_range', params, signal);
    const found = data.resultType === 'matrix' ? data.result : [];
    return {
      warnings,
      series: found.map((one) => ({ ...one, name: nameOf(query, expr, one.metric), query: place })),
    };
  });
  const answers = await Promise.all(asks);
  return {
    series: answers.flatMap((answer) => answer.series),
    warnings: answers.flatMap((answer) => answer.warnings),
    range: whole,
    stepMs,
  };
}

async function askEnd(
  panel: BoardPanel,
  values: Values,
  range: TimeRange,
  signal: AbortSignal,
): Promise<PanelData> {
  const stepMs = stepOf(range, panel.queries);
  const asks = panel.queries.map(async (query, place) => {
    if (query.fault !== undefined) throw new Error(query.fault);
    const expr = written(query, values, range, stepMs);
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
    stepMs,
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
  const stepMs = stepOf(range, panel.queries);
  const asked = panel.queries.map((query) => written(query, values, range, stepMs));
  return useQuery({
    queryKey: ['dashboard-panel', board, panel.id, isInstant, asked, range],
    enabled: isReady && panel.queries.length > 0,
    // What was there before stays until the new is there.
    placeholderData: keepPreviousData,
    gcTime: 0,
    queryFn: ({ signal }) => (isInstant ? askEnd : askRange)(panel, values, range, signal),
  });
}
