// A dashboard in Perses' format as what we draw. The server has checked its frame; the settings of
// panels, queries and variables are read here, and what is not as it should be is left out.
import { parseDuration } from '../format/duration';

export interface Format {
  unit: string;
  decimals: number | undefined;
  isShort: boolean;
}

export interface Thresholds {
  /** Values, or hundredths of the most. */
  isPercent: boolean;
  defaultColour: string | undefined;
  steps: { value: number; colour: string }[];
}

export interface PanelQuery {
  expr: string;
  /** `{{label}}` stands for the label's value. */
  nameFormat: string | undefined;
  minStepMs: number | undefined;
  /** Why it cannot be asked. */
  fault: string | undefined;
}

export interface BoardPanel {
  id: string;
  title: string;
  description: string;
  kind: string;
  spec: Fields;
  queries: PanelQuery[];
}

export interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
  panel: BoardPanel;
}

export interface Row {
  title: string;
  isOpen: boolean;
  places: Place[];
}

export type OptionsSource =
  | { kind: 'label-values'; labelName: string; matchers: string[] }
  | { kind: 'label-names'; matchers: string[] }
  | { kind: 'promql'; expr: string; labelName: string }
  | { kind: 'static'; options: { value: string; label: string }[] }
  | { kind: 'unknown'; name: string };

interface VariableBase {
  name: string;
  label: string;
  isHidden: boolean;
}

export interface ListVariable extends VariableBase {
  kind: 'list';
  isMultiple: boolean;
  hasAll: boolean;
  /** What stands for all of them; without it, each. */
  customAll: string | undefined;
  defaults: string[];
  capture: RegExp | undefined;
  sort: string;
  source: OptionsSource;
}

export interface TextVariable extends VariableBase {
  kind: 'text';
  value: string;
  isConstant: boolean;
}

export type Variable = ListVariable | TextVariable;

export interface Board {
  title: string;
  description: string;
  durationMs: number;
  refreshMs: number;
  variables: Variable[];
  rows: Row[];
}

export type Fields = Record<string, unknown>;

export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : {};
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** A colour that a file may name: `#rgb` or `#rrggbb`, and nothing that a style could hide in. */
export function hexColour(value: unknown): string | undefined {
  const written = text(value);
  if (/^#[0-9a-fA-F]{6}$/.test(written)) return written;
  const short = /^#([0-9a-fA-F])([0-9a-fA-F])([0-9a-fA-F])$/.exec(written);
  if (short === null) return undefined;
  return `#${short.slice(1).map((digit) => digit + digit).join('')}`;
}

export function readFormat(value: unknown): Format {
  const of = fields(value);
  return {
    unit: text(of.unit) || 'decimal',
    decimals: number(of.decimalPlaces),
    isShort: of.shortValues === true,
  };
}

export function readThresholds(value: unknown): Thresholds {
  const of = fields(value);
  const steps = list(of.steps).flatMap((step) => {
    const { value: at, color } = fields(step);
    const bound = number(at);
    return bound === undefined ? [] : [{ value: bound, colour: hexColour(color) ?? '#c62828' }];
  });
  return {
    isPercent: of.mode === 'percent',
    defaultColour: hexColour(of.defaultColor),
    steps: steps.sort((a, b) => a.value - b.value),
  };
}

/** The colour of a value, by the last threshold that it has reached. */
export function thresholdColour(
  thresholds: Thresholds,
  value: number,
  most: number,
): string | undefined {
  const bound = (step: { value: number }) =>
    thresholds.isPercent ? (step.value / 100) * most : step.value;
  const reached = thresholds.steps.filter((step) => value >= bound(step));
  return reached.at(-1)?.colour ?? thresholds.defaultColour;
}

function readQuery(value: unknown): PanelQuery {
  const plugin = fields(fields(fields(value).spec).plugin);
  const spec = fields(plugin.spec);
  const kind = text(plugin.kind);
  return {
    expr: text(spec.query),
    nameFormat: text(spec.seriesNameFormat) || undefined,
    minStepMs: parseDuration(text(spec.minStep)) || undefined,
    fault:
      kind === 'PrometheusTimeSeriesQuery'
        ? undefined
        : `queries of the kind ${JSON.stringify(kind)} are not asked here`,
  };
}

function readPanel(id: string, value: unknown): BoardPanel {
  const spec = fields(fields(value).spec);
  const display = fields(spec.display);
  const plugin = fields(spec.plugin);
  return {
    id,
    title: text(display.name),
    description: text(display.description),
    kind: text(plugin.kind),
    spec: fields(plugin.spec),
    queries: list(spec.queries).map(readQuery),
  };
}

const PANEL = '#/spec/panels/';

function readRow(value: unknown, panels: Map<string, BoardPanel>): Row {
  const spec = fields(fields(value).spec);
  const display = fields(spec.display);
  const collapse = display.collapse === undefined ? undefined : fields(display.collapse);
  const places = list(spec.items).flatMap((item) => {
    const of = fields(item);
    const panel = panels.get(text(fields(of.content).$ref).slice(PANEL.length));
    if (panel === undefined) return [];
    const [x, y] = [number(of.x) ?? 0, number(of.y) ?? 0];
    return [{ x, y, width: number(of.width) ?? 24, height: number(of.height) ?? 8, panel }];
  });
  return {
    title: text(display.title),
    isOpen: collapse === undefined || collapse.open !== false,
    places: places.sort((a, b) => a.y - b.y || a.x - b.x),
  };
}

function readOptions(plugin: Fields): OptionsSource {
  const spec = fields(plugin.spec);
  const matchers = list(spec.matchers).map(text);
  switch (plugin.kind) {
    case 'PrometheusLabelValuesVariable':
      return { kind: 'label-values', labelName: text(spec.labelName), matchers };
    case 'PrometheusLabelNamesVariable':
      return { kind: 'label-names', matchers };
    case 'PrometheusPromQLVariable':
      return { kind: 'promql', expr: text(spec.expr), labelName: text(spec.labelName) };
    case 'StaticListVariable':
      return {
        kind: 'static',
        options: list(spec.values).map((one) => {
          if (typeof one === 'string') return { value: one, label: one };
          const { value, label } = fields(one);
          return { value: text(value), label: text(label) || text(value) };
        }),
      };
    default:
      return { kind: 'unknown', name: text(plugin.kind) };
  }
}

function expression(value: unknown): RegExp | undefined {
  const written = text(value);
  if (written === '') return undefined;
  try {
    return new RegExp(written);
  } catch {
    return undefined;
  }
}

function readVariable(value: unknown): Variable {
  const { kind, spec: unread } = fields(value);
  const spec = fields(unread);
  const display = fields(spec.display);
  const name = text(spec.name);
  const base = { name, label: text(display.name) || name, isHidden: display.hidden === true };
  if (kind === 'TextVariable') {
    return { ...base, kind: 'text', value: text(spec.value), isConstant: spec.constant === true };
  }
  const defaults = typeof spec.defaultValue === 'string' ? [spec.defaultValue] : list(spec.defaultValue);
  return {
    ...base,
    kind: 'list',
    isMultiple: spec.allowMultiple === true,
    hasAll: spec.allowAllValue === true,
    customAll: text(spec.customAllValue) || undefined,
    defaults: defaults.map(text).filter((one) => one !== ''),
    capture: expression(spec.capturingRegexp),
    sort: text(spec.sort),
    source: readOptions(fields(spec.plugin)),
  };
}

const HOUR_MS = 3_600_000;

/** The dashboard of a document of the API. */
export function readBoard(document: unknown): Board {
  const { metadata, spec: unread } = fields(document);
  const spec = fields(unread);
  const display = fields(spec.display);
  const panels = new Map(
    Object.entries(fields(spec.panels)).map(([id, panel]) => [id, readPanel(id, panel)]),
  );
  const rows = list(spec.layouts).map((layout) => readRow(layout, panels));
  return {
    title: text(display.name) || text(fields(metadata).name),
    description: text(display.description),
    durationMs: parseDuration(text(spec.duration)) || HOUR_MS,
    refreshMs: parseDuration(text(spec.refreshInterval)) ?? 0,
    variables: list(spec.variables).map(readVariable),
    rows,
  };
}
