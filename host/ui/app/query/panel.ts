// The panels of the page of queries, and how an address says them: as Prometheus' does, so that
// links of alerts, of Grafana and of people's notes work here.
import { formatDuration, parseDuration } from '../format/duration';
import { formatTime, parseTime } from '../format/time';
import type { Search } from '../search';

export type View = 'table' | 'graph' | 'explain';

/** How a graph shows its series. */
export type Display = 'lines' | 'stacked' | 'heatmap';

/** How many points a graph has: by a density, or by a step. */
export type Resolution =
  | { kind: 'auto'; density: 'low' | 'medium' | 'high' }
  | { kind: 'step'; stepMs: number };

export interface Panel {
  expr: string;
  view: View;
  /** Milliseconds that a graph covers. */
  rangeMs: number;
  /** Where a graph ends and a table is taken; `undefined` is now. */
  endMs: number | undefined;
  resolution: Resolution;
  display: Display;
  /** Where the axis of values begins at the latest; `undefined` where the values say so. */
  yAxisMin: number | undefined;
  /** Whether a graph has the exemplars of its series, and the times at which alerts fired. */
  showExemplars: boolean;
  showAlerts: boolean;
  /** Whether a querier merges replicas. */
  isDeduplicated: boolean;
}

/** So many panels are read from one address; a longer one is no person's. */
export const PANELS_MAX = 50;

export const HOUR_MS = 3_600_000;

export function emptyPanel(): Panel {
  return {
    expr: '',
    view: 'table',
    rangeMs: HOUR_MS,
    endMs: undefined,
    resolution: { kind: 'auto', density: 'medium' },
    display: 'lines',
    yAxisMin: undefined,
    showExemplars: false,
    showAlerts: false,
    isDeduplicated: true,
  };
}

/** The points of a graph of each density. */
const POINTS = { low: 100, medium: 250, high: 1000 };

/** Prometheus answers no more points of a series than that. */
export const POINTS_MAX = 11_000;

/** The step between two points of a graph, at least a thousandth of a second. */
export function stepMs(panel: Panel): number {
  const { resolution, rangeMs } = panel;
  if (resolution.kind === 'step') return Math.max(1, resolution.stepMs);
  const step = rangeMs / POINTS[resolution.density];
  // Whole seconds where the graph is long enough for them.
  return step < 1000 ? Math.max(1, Math.floor(step)) : Math.floor(step / 1000) * 1000;
}

/** What a graph asks for: its own times, which are those of its data and not of now. */
export interface Range {
  startMs: number;
  endMs: number;
  stepMs: number;
}

/** A graph of shorter steps is asked for in no time, and its newest samples are what people look for. */
const WHOLE_STEP_MS_MIN = 60_000;

/**
 * What a panel's graph asks for at a time. A long one that ends now ends at a whole step, and covers
 * whole steps, as in Grafana: so the steps of the next one are the same, and the server knows them
 * already.
 */
export function range(panel: Panel, atMs: number): Range {
  const step = stepMs(panel);
  if (panel.endMs !== undefined || step < WHOLE_STEP_MS_MIN) {
    const endMs = panel.endMs ?? atMs;
    return { startMs: endMs - panel.rangeMs, endMs, stepMs: step };
  }
  const endMs = Math.floor(atMs / step) * step;
  return { startMs: endMs - Math.ceil(panel.rangeMs / step) * step, endMs, stepMs: step };
}

function readView(text: string | undefined): View {
  if (text === '0' || text === 'graph') return 'graph';
  return text === '2' || text === 'explain' || text === 'tree' ? 'explain' : 'table';
}

function readDisplay(mode: string | undefined, stacked: string | undefined): Display {
  if (mode === 'stacked' || mode === 'heatmap') return mode;
  // Prometheus 2 had a word for stacks alone.
  return mode === undefined && stacked === '1' ? 'stacked' : 'lines';
}

const VIEWS: Record<View, string> = { graph: 'graph', table: 'table', explain: 'explain' };

function readResolution(search: Search, key: (name: string) => string): Resolution {
  // Prometheus 2 wrote the step in seconds.
  const step = search[key('step_input')];
  if (step !== undefined && /^\d+(\.\d+)?$/.test(step) && Number(step) > 0) {
    return { kind: 'step', stepMs: Math.round(Number(step) * 1000) };
  }
  const density = search[key('res_density')];
  if (search[key('res_type')] === 'fixed' || search[key('res_type')] === 'custom') {
    const seconds = Number(search[key('res_step')]);
    if (seconds > 0) return { kind: 'step', stepMs: Math.round(seconds * 1000) };
  }
  const isDensity = density === 'low' || density === 'medium' || density === 'high';
  return { kind: 'auto', density: isDensity ? density : 'medium' };
}

function readNumber(text: string | undefined): number | undefined {
  const read = text === undefined || text.trim() === '' ? NaN : Number(text);
  return Number.isFinite(read) ? read : undefined;
}

function readPanel(search: Search, index: number): Panel {
  const key = (name: string) => `g${index}.${name}`;
  const panel = emptyPanel();
  const view = readView(search[key('tab')]);
  const end = search[key('end_input')] ?? search[key('moment_input')];
  return {
    expr: search[key('expr')] ?? '',
    view,
    rangeMs: parseDuration(search[key('range_input')] ?? '') || panel.rangeMs,
    endMs: end === undefined ? undefined : parseTime(end, false),
    resolution: readResolution(search, key),
    display: readDisplay(search[key('display_mode')], search[key('stacked')]),
    yAxisMin: readNumber(search[key('y_axis_min')]),
    showExemplars: search[key('show_exemplars')] === '1',
    showAlerts: search[key('show_alerts')] === '1',
    isDeduplicated: search[key('deduplicate')] !== '0',
  };
}

/** The panels of an address; one that is empty where it says none. */
export function readPanels(search: Search): Panel[] {
  const indices = new Set<number>();
  for (const name of Object.keys(search)) {
    const match = /^g(\d{1,4})\.(expr|tab|range_input)$/.exec(name);
    if (match !== null) indices.add(Number(match[1]));
  }
  const sorted = [...indices].sort((a, b) => a - b).slice(0, PANELS_MAX);
  return sorted.length === 0 ? [emptyPanel()] : sorted.map((index) => readPanel(search, index));
}

function writePanel(panel: Panel, index: number): Search {
  const search: Search = {};
  const write = (name: string, value: string) => {
    search[`g${index}.${name}`] = value;
  };
  write('expr', panel.expr);
  write('show_tree', '0');
  write('tab', VIEWS[panel.view]);
  if (panel.endMs !== undefined) {
    write('end_input', formatTime(panel.endMs, false));
    write('moment_input', formatTime(panel.endMs, false));
  }
  write('range_input', formatDuration(panel.rangeMs));
  if (panel.resolution.kind === 'step') {
    write('res_type', 'custom');
    write('res_step', String(panel.resolution.stepMs / 1000));
  } else {
    write('res_type', 'auto');
    write('res_density', panel.resolution.density);
  }
  write('display_mode', panel.display);
  if (panel.yAxisMin !== undefined) write('y_axis_min', String(panel.yAxisMin));
  write('show_exemplars', panel.showExemplars ? '1' : '0');
  // Prometheus has no word for it, so that only an address that needs it has it.
  if (panel.showAlerts) write('show_alerts', '1');
  // That is Thanos' word.
  if (!panel.isDeduplicated) write('deduplicate', '0');
  return search;
}

/** What a querier is asked for beside the expression. */
export function fleetParams(panel: Panel): Record<string, string> {
  return panel.isDeduplicated ? {} : { dedup: 'false' };
}

/** The address's query of these panels; nothing for one that nobody has touched. */
export function writePanels(panels: Panel[]): Search {
  const [first] = panels;
  if (panels.length === 1 && first !== undefined && first.expr === '') {
    const untouched = JSON.stringify(first) === JSON.stringify(emptyPanel());
    if (untouched) return {};
  }
  return Object.assign({}, ...panels.map(writePanel)) as Search;
}
