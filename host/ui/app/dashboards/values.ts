// What each variable of a dashboard is: by the address, by the file, or by what there is to choose.
import type { Search } from '../search';
import { interpolateQuery, references, type Values, type VariableValue } from './interpolation';
import type { ListVariable, OptionsSource, Variable } from './spec';

/** The value that stands for all options, as in Perses. */
export const ALL = '$__all';

/** So many options of a variable are offered; a query that names more is of no use. */
export const OPTIONS_MAX = 500;

/** So many values of a variable are read from an address. */
const CHOSEN_MAX = 100;

export interface Option {
  value: string;
  label: string;
}

/** The parameter of an address that has a variable's value. */
export function parameter(name: string): string {
  return `var-${name}`;
}

/** The values that an address has for a variable; `undefined` where it has none. */
export function readChosen(variable: Variable, search: Search): string[] | undefined {
  const written = search[parameter(variable.name)];
  if (written === undefined) return undefined;
  if (variable.kind === 'text' || !variable.isMultiple) return [written];
  if (written.startsWith('[')) {
    try {
      const read: unknown = JSON.parse(written);
      if (Array.isArray(read)) {
        return read.filter((one) => typeof one === 'string').slice(0, CHOSEN_MAX);
      }
    } catch {
      // It is a value that begins so.
    }
  }
  return written.split(',').slice(0, CHOSEN_MAX);
}

/** What an address says of these values. */
export function writeChosen(variable: Variable, chosen: string[]): string {
  const [only] = chosen;
  const isPlain = variable.kind === 'text' || !variable.isMultiple;
  if (chosen.length === 1 && only !== undefined && (isPlain || !/^\[|,/.test(only))) return only;
  return chosen.length === 0 ? '' : JSON.stringify(chosen);
}

/** The options of a list: captured, each once, in its order. */
export function optionsOf(variable: ListVariable, found: Option[]): Option[] {
  const { capture } = variable;
  const captured = found.flatMap((option) => {
    if (capture === undefined) return [option];
    const match = capture.exec(option.value);
    if (match === null) return [];
    const part = match[1] ?? match[0];
    return [{ value: part, label: part }];
  });
  const once = [...new Map(captured.map((option) => [option.value, option])).values()];
  const by = /^(alphabetical|numerical)-(?:ci-)?(asc|desc)$/.exec(variable.sort);
  if (by !== null) {
    const sign = by[2] === 'asc' ? 1 : -1;
    once.sort((a, b) =>
      by[1] === 'numerical'
        ? sign * (Number(a.label) - Number(b.label))
        : sign * (a.label < b.label ? -1 : a.label > b.label ? 1 : 0),
    );
  }
  return once;
}

/** What a source asks the server with the values of other variables. */
export function asked(source: OptionsSource, values: Values): OptionsSource {
  switch (source.kind) {
    case 'label-values':
    case 'label-names':
      return { ...source, matchers: source.matchers.map((one) => interpolateQuery(one, values)) };
    case 'promql':
      return { ...source, expr: interpolateQuery(source.expr, values) };
    default:
      return source;
  }
}

/** The names of the variables that the options of one depend on. */
export function needs(variable: Variable): string[] {
  if (variable.kind === 'text') return [];
  const { source } = variable;
  if (source.kind === 'label-values' || source.kind === 'label-names') {
    return source.matchers.flatMap(references);
  }
  return source.kind === 'promql' ? references(source.expr) : [];
}

/** The variables, each behind those that it needs; of a circle none is. */
export function inOrder(variables: Variable[]): Variable[] {
  const byName = new Map(variables.map((variable) => [variable.name, variable]));
  const done = new Set<string>();
  const ordered: Variable[] = [];
  const visit = (variable: Variable, above: string[]) => {
    if (done.has(variable.name) || above.includes(variable.name)) return;
    for (const name of needs(variable)) {
      const needed = byName.get(name);
      if (needed !== undefined) visit(needed, [...above, variable.name]);
    }
    if (done.has(variable.name)) return;
    done.add(variable.name);
    ordered.push(variable);
  };
  for (const variable of variables) visit(variable, []);
  return ordered;
}

/** What is chosen of a list: by the address, by the file, or the first there is. */
export function chosenOf(
  variable: ListVariable,
  inAddress: string[] | undefined,
  options: Option[] | undefined,
): string[] | undefined {
  const wanted = inAddress ?? variable.defaults;
  const isAll = wanted.includes(ALL) && variable.hasAll;
  if (isAll) return [ALL];
  const some = wanted.filter((one) => one !== ALL);
  if (some.length > 0) return variable.isMultiple ? some : some.slice(0, 1);
  if (variable.hasAll) return [ALL];
  if (options === undefined) return undefined;
  const first = options[0];
  return first === undefined ? [] : [first.value];
}

/** What stands in a query for what is chosen; `undefined` while the options are not known. */
export function valueOf(
  variable: ListVariable,
  chosen: string[] | undefined,
  options: Option[] | undefined,
  isWhole: boolean,
): VariableValue | undefined {
  if (chosen === undefined) return undefined;
  if (!chosen.includes(ALL)) return { texts: chosen, isPattern: false };
  if (variable.customAll !== undefined) return { texts: [variable.customAll], isPattern: true };
  if (options === undefined) return undefined;
  // More than are offered: whatever has the label at all.
  if (!isWhole) return { texts: ['.+'], isPattern: true };
  return { texts: options.map((option) => option.value), isPattern: false };
}
