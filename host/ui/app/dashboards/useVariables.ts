// The variables of a dashboard as they are now: what there is to choose, what is chosen, and what
// stands for it in queries. What one needs of another is asked for once that is known.
import { useQueries, useQueryClient } from '@tanstack/react-query';
import { get, post } from '../api/client';
import type { QueryData } from '../api/query';
import type { Search } from '../search';
import type { VariableValue } from './interpolation';
import type { ListVariable, OptionsSource, Variable } from './spec';
import {
  asked,
  chosenOf,
  inOrder,
  needs,
  type Option,
  OPTIONS_MAX,
  optionsOf,
  readChosen,
  valueOf,
} from './values';

export interface VariableState {
  variable: Variable;
  options: Option[] | undefined;
  /** Whether there are no more than are offered. */
  isWhole: boolean;
  chosen: string[];
  error: unknown;
}

export interface Variables {
  states: VariableState[];
  /** What is known yet. */
  values: Map<string, VariableValue>;
  isReady: boolean;
}

interface Found {
  options: Option[];
  isWhole: boolean;
}

function found(values: string[]): Found {
  return {
    options: values.slice(0, OPTIONS_MAX).map((value) => ({ value, label: value })),
    isWhole: values.length <= OPTIONS_MAX,
  };
}

/** Labels of the last time that is looked at, in seconds. */
interface Range {
  start: number;
  end: number;
}

async function ask(source: OptionsSource, range: Range, signal: AbortSignal): Promise<Found> {
  const limit = OPTIONS_MAX + 1;
  switch (source.kind) {
    case 'label-values': {
      const path = `label/${encodeURIComponent(source.labelName)}/values`;
      const params = { 'match[]': source.matchers, ...range, limit };
      return found((await get<string[]>(path, params, signal)).data);
    }
    case 'label-names': {
      const params = { 'match[]': source.matchers, ...range, limit };
      return found((await post<string[]>('labels', params, signal)).data);
    }
    case 'promql': {
      const params = { query: source.expr, time: range.end };
      const { data } = await post<QueryData>('query', params, signal);
      if (data.resultType !== 'vector') return found([]);
      const values = data.result.flatMap((one) => {
        const value = source.labelName === '' ? one.value?.[1] : one.metric[source.labelName];
        return value === undefined ? [] : [value];
      });
      return found([...new Set(values)].sort());
    }
    case 'static':
      return { options: source.options, isWhole: true };
    case 'unknown':
      throw new Error(`options of the kind ${JSON.stringify(source.name)} are not known here`);
  }
}

export function useVariables(variables: Variable[], search: Search, range: Range): Variables {
  const client = useQueryClient();
  const values = new Map<string, VariableValue>();
  const ordered = inOrder(variables);
  const names = new Set(variables.map((variable) => variable.name));
  const lists: { variable: ListVariable; source: OptionsSource; isWanted: boolean }[] = [];
  const known = new Map<string, Found>();
  for (const variable of ordered) {
    if (variable.kind === 'text') {
      const chosen = variable.isConstant ? undefined : readChosen(variable, search);
      values.set(variable.name, { texts: chosen ?? [variable.value], isPattern: true });
      continue;
    }
    const isWanted = needs(variable).every((name) => values.has(name) || !names.has(name));
    const source = asked(variable.source, values);
    lists.push({ variable, source, isWanted });
    const data = isWanted ? client.getQueryData<Found>(['dashboard-options', source]) : undefined;
    if (data !== undefined) known.set(variable.name, data);
    const options = data && optionsOf(variable, data.options);
    const chosen = chosenOf(variable, readChosen(variable, search), options);
    const value = valueOf(variable, chosen, options, data?.isWhole ?? true);
    if (value !== undefined) values.set(variable.name, value);
  }
  const answers = useQueries({
    queries: lists.map(({ source, isWanted }) => ({
      // Of the time only its length matters: what there is to choose is not asked for each second.
      queryKey: ['dashboard-options', source],
      enabled: isWanted,
      staleTime: 60_000,
      // Above, answers are read from where they are kept, and not from what this returns.
      notifyOnChangeProps: 'all' as const,
      queryFn: ({ signal }: { signal: AbortSignal }) => ask(source, range, signal),
    })),
  });
  const errors = new Map(lists.map(({ variable }, place) => [variable.name, answers[place]?.error]));
  const states = variables.map((variable): VariableState => {
    if (variable.kind === 'text') {
      const chosen = values.get(variable.name)?.texts ?? [];
      return { variable, options: undefined, isWhole: true, chosen, error: null };
    }
    const data = known.get(variable.name);
    const options = data && optionsOf(variable, data.options);
    const chosen = chosenOf(variable, readChosen(variable, search), options) ?? [];
    const error = errors.get(variable.name) ?? null;
    return { variable, options, isWhole: data?.isWhole ?? true, chosen, error };
  });
  return { states, values, isReady: variables.every((one) => values.has(one.name)) };
}
