import { describe, expect, it } from 'vitest';
import { calculate } from './calculation';
import { hexColour, readBoard, readThresholds, thresholdColour } from './spec';
import { sorted, tableOf } from './tableRows';
import { inSteps, nameOf, stepOf } from './panelQuery';
import { gaugeMost, valueRange } from './axis';

const panel = (kind: string, spec: object, ...queries: string[]) => ({
  kind: 'Panel',
  spec: {
    display: { name: 'P' },
    plugin: { kind, spec },
    queries: queries.map((query) => ({
      kind: 'TimeSeriesQuery',
      spec: { plugin: { kind: 'PrometheusTimeSeriesQuery', spec: { query } } },
    })),
  },
});

function board(panels: object, items: object[] = []) {
  return readBoard({
    metadata: { name: 'b' },
    spec: { duration: '15m', panels, layouts: [{ kind: 'Grid', spec: { items } }] },
  });
}

const placed = (name: string, x = 0, y = 0) => ({
  x,
  y,
  width: 12,
  height: 4,
  content: { $ref: `#/spec/panels/${name}` },
});

describe('readBoard', () => {
  it('puts panels where the layout has them', () => {
    const read = board({ a: panel('Table', {}, 'up'), b: panel('Odd', {}) }, [
      placed('b', 12), placed('a'), placed('none'),
    ]);
    expect(read.title).toBe('b');
    expect(read.durationMs).toBe(900_000);
    expect(read.rows[0]?.places.map(({ panel: { id } }) => id)).toEqual(['a', 'b']);
    expect(read.rows[0]?.isOpen).toBe(true);
  });
  it('reads nonsense as nothing', () => {
    expect(readBoard({ spec: { panels: [], layouts: {}, variables: [7] } }).rows).toEqual([]);
    expect(readBoard(null).title).toBe('');
  });
});

describe('colours', () => {
  it('are hexadecimal and nothing else', () => {
    expect(hexColour('#abc')).toBe('#aabbcc');
    expect(hexColour('#A0B1C2')).toBe('#A0B1C2');
    expect(hexColour('red')).toBeUndefined();
    expect(hexColour('#000;background:url(x)')).toBeUndefined();
  });
  it('follow the last threshold that was reached', () => {
    const read = readThresholds({
      defaultColor: '#111111',
      steps: [{ value: 80, color: '#333333' }, { value: 50, color: '#222222' }],
    });
    const at = (value: number) => thresholdColour(read, value, 100);
    expect([at(0), at(50), at(90)]).toEqual(['#111111', '#222222', '#333333']);
    const percent = readThresholds({ mode: 'percent', steps: [{ value: 50, color: '#222222' }] });
    expect(thresholdColour(percent, 5, 10)).toBe('#222222');
    expect(thresholdColour(percent, 4, 10)).toBeUndefined();
  });
});

describe('calculate', () => {
  it.each([
    ['last', NaN],
    ['last-number', 3],
    ['first', 1],
    ['max', 3],
    ['min', 1],
    ['mean', 2],
    ['sum', 6],
    ['constructor', 3],
  ])('%s', (name, expected) => {
    expect(calculate(name, [1, 2, 3, NaN])).toBe(expected);
  });
  it('has no value of nothing', () => {
    expect(calculate('mean', [])).toBeUndefined();
    expect(calculate('max', [NaN])).toBeUndefined();
  });
});

describe('tableOf', () => {
  const read = board({
    one: panel('Table', { columnSettings: [{ name: 'value', header: 'Up', sort: 'desc' }, { name: '__name__', hide: true }] }, 'up'),
    two: panel('Table', {}, 'a', 'b'),
  }, [placed('one'), placed('two', 0, 4)]);
  const of = (place: number) => {
    const found = read.rows[0]?.places[place]?.panel;
    if (found === undefined) throw new Error('there is such a panel');
    return found;
  };
  const series = (query: number, name: string, job: string, value: string) => ({
    metric: { __name__: name, job }, values: [[5, value] as [number, string]], name, query,
  });
  const data = (...all: ReturnType<typeof series>[]) => ({
    series: all, range: { startMs: 0, endMs: 5000 }, stepMs: 1000, warnings: [],
  });
  it('has a column for each label and the value', () => {
    const { columns, rows } = tableOf(of(0), data(series(0, 'up', 'a', '1'), series(0, 'up', 'b', '0')));
    expect(columns.map((column) => column.header)).toEqual(['Up', 'job']);
    expect(sorted(rows, 'value', 'asc').map((row) => row.job)).toEqual(['b', 'a']);
  });
  it('joins the answers of queries by their labels', () => {
    const { columns, rows } = tableOf(of(1), data(series(0, 'a', 'x', '1'), series(1, 'b', 'x', '2')));
    expect(columns.map((column) => column.name)).toEqual(['job', 'value #1', 'value #2']);
    expect(rows).toEqual([{ job: 'x', 'value #1': 1, 'value #2': 2, timestamp: 5 }]);
  });
});

describe('a panel', () => {
  it('names series by a format, by themselves, or by their query', () => {
    const query = { expr: 'up', nameFormat: undefined, minStepMs: undefined, fault: undefined };
    expect(nameOf({ ...query, nameFormat: '{{ job }} of {{none}}' }, 'up', { job: '<b>' })).toBe('<b> of ');
    expect(nameOf(query, 'up', { __name__: 'up', job: 'a' })).toBe('up{job="a"}');
    expect(nameOf(query, 'sum(up)', {})).toBe('sum(up)');
  });
  it('has about 250 points, and no shorter step than it wants', () => {
    const query = { expr: 'up', nameFormat: undefined, minStepMs: undefined, fault: undefined };
    expect(stepOf({ startMs: 0, endMs: 3_600_000 }, [query])).toBe(15_000);
    expect(stepOf({ startMs: 0, endMs: 3_600_000 }, [query, { ...query, minStepMs: 60_000 }])).toBe(60_000);
    expect(stepOf({ startMs: 0, endMs: 1 }, [query])).toBe(1000);
  });
  it('ends where its range does, however its step divides that', () => {
    expect(inSteps({ startMs: 0, endMs: 10_500 }, 3000)).toEqual({ startMs: 1500, endMs: 10_500 });
  });
  it('has an axis that holds its values', () => {
    const free = { low: undefined, high: undefined };
    expect(valueRange(0, 0, false, free)).toEqual([0, 1]);
    expect(valueRange(5, 5, false, free)).toEqual([4.5, 5.5]);
    expect(valueRange(0.1 + 0.2, 0.3, false, free)[0]).toBeCloseTo(0.27);
    expect(valueRange(null, null, false, free)).toEqual([0, 1]);
    expect(valueRange(2, 8, false, { low: 0, high: 100 })).toEqual([0, 100]);
    expect(valueRange(2, 8, false, { low: 9, high: 9 })).toEqual([9, 10]);
  });
  it('ends a gauge where its unit does', () => {
    expect([gaugeMost({}, 'percent-decimal'), gaugeMost({}, 'percent'), gaugeMost({ max: 7 }, 'bytes')]).toEqual([1, 100, 7]);
  });
});
