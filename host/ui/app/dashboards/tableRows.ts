// The answers of a table's queries as rows: one for each set of labels, one column for each label
// and each query's value. Settings of columns are Perses'.
import { parseValue } from '../format/number';
import { type BoardPanel, type Fields, fields, type Format, list, number, readFormat, text } from './spec';
import type { PanelData } from './usePanel';

export interface Column {
  name: string;
  header: string;
  isValue: boolean;
  align: 'left' | 'center' | 'right';
  format: Format | undefined;
  sort: 'asc' | 'desc' | undefined;
}

/** The texts of labels, the numbers of values; what a row has not is missing. */
export type TableRow = Record<string, string | number>;

const TIME = 'timestamp';

function valueName(query: number, queries: number): string {
  return queries === 1 ? 'value' : `value #${query + 1}`;
}

function aligned(setting: Fields, isValue: boolean): Column['align'] {
  const written = setting.align;
  if (written === 'left' || written === 'center' || written === 'right') return written;
  return isValue ? 'right' : 'left';
}

export function tableOf(panel: BoardPanel, data: PanelData): { columns: Column[]; rows: TableRow[] } {
  const queries = panel.queries.length;
  const rows = new Map<string, TableRow>();
  const labels = new Set<string>();
  for (const series of data.series) {
    const pairs = Object.entries(series.metric).sort(([a], [b]) => (a < b ? -1 : 1));
    // The answers of several queries about one thing differ in the metric's name.
    const kept = queries === 1 ? pairs : pairs.filter(([name]) => name !== '__name__');
    const key = JSON.stringify(kept);
    const row: TableRow = rows.get(key) ?? Object.fromEntries(kept);
    for (const [name] of kept) labels.add(name);
    const point = (series.values ?? []).at(-1);
    if (point !== undefined) {
      row[valueName(series.query, queries)] = parseValue(point[1]);
      row[TIME] = point[0];
    }
    rows.set(key, row);
  }
  const settings = list(panel.spec.columnSettings).map(fields);
  const isHiddenAlways = panel.spec.defaultColumnHidden === true;
  const values = Array.from({ length: queries }, (_, query) => valueName(query, queries));
  const wanted = settings.map((setting) => text(setting.name));
  const names = [...new Set([...wanted, TIME, ...[...labels].sort(), ...values])];
  const columns = names.flatMap((name): Column[] => {
    const setting = settings.find((one) => text(one.name) === name);
    const isValue = values.includes(name);
    const isThere = isValue || name === TIME || labels.has(name);
    // The time is the same in each row, so it is shown only where somebody wants it.
    const isHidden = setting === undefined ? isHiddenAlways || name === TIME : setting.hide === true;
    if (!isThere || isHidden) return [];
    return [
      {
        name,
        header: text(setting?.header) || name,
        isValue,
        align: aligned(setting ?? {}, isValue),
        format: setting?.format === undefined && !isValue ? undefined : readFormat(setting?.format),
        sort: setting?.sort === 'asc' || setting?.sort === 'desc' ? setting.sort : undefined,
      },
    ];
  });
  return { columns, rows: [...rows.values()] };
}

/** The rows by a column; those that lack it come last. */
export function sorted(rows: TableRow[], name: string, order: 'asc' | 'desc'): TableRow[] {
  const sign = order === 'asc' ? 1 : -1;
  return [...rows].sort((a, b) => {
    const [left, right] = [a[name], b[name]];
    if (left === undefined || right === undefined) {
      return (left === undefined ? 1 : 0) - (right === undefined ? 1 : 0);
    }
    return sign * (left < right ? -1 : left > right ? 1 : 0);
  });
}

/** The time of a row in milliseconds. */
export function timeMs(row: TableRow): number | undefined {
  const seconds = number(row[TIME]);
  return seconds === undefined ? undefined : seconds * 1000;
}
