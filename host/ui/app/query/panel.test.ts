// Addresses of Prometheus 2 and 3 as panels, and panels as addresses.
import { describe, expect, it } from 'vitest';
import { parseSearch, stringifySearch } from '../search';
import { emptyPanel, PANELS_MAX, range, readPanels, stepMs, writePanels } from './panel';

const read = (text: string) => readPanels(parseSearch(text));

describe('addresses', () => {
  it('of an alert of Prometheus 2', () => {
    expect(read('g0.expr=up+%3D%3D+0&g0.tab=1')).toEqual([{ ...emptyPanel(), expr: 'up == 0' }]);
  });
  it('of a graph of Prometheus 2', () => {
    const link =
      'g0.expr=rate(a[5m])&g0.tab=0&g0.stacked=1&g0.range_input=6h&g0.end_input=2026-01-02%2003:04:05&g0.step_input=30';
    expect(read(link)).toEqual([
      {
        expr: 'rate(a[5m])',
        view: 'graph',
        rangeMs: 21_600_000,
        endMs: Date.UTC(2026, 0, 2, 3, 4, 5),
        resolution: { kind: 'step', stepMs: 30_000 },
        display: 'stacked',
        yAxisMin: undefined,
        showExemplars: false,
        showAlerts: false,
        isDeduplicated: true,
      },
    ]);
  });
  it('of several panels, in order', () => {
    const panels = read('g10.expr=c&g0.expr=a&g2.expr=b&g2.display_mode=stacked');
    expect(panels.map((panel) => panel.expr)).toEqual(['a', 'b', 'c']);
    expect(panels[1]?.display).toBe('stacked');
  });
  it('that say nothing, or nonsense', () => {
    expect(read('')).toEqual([emptyPanel()]);
    const nonsense = 'g0.expr=a&g0.range_input=soon&g0.end_input=x&g0.res_step=-1&g0.res_type=custom&g0.y_axis_min=low';
    expect(read(nonsense)).toEqual([{ ...emptyPanel(), expr: 'a' }]);
    const many = Array.from({ length: PANELS_MAX + 5 }, (_, i) => `g${i}.expr=x`).join('&');
    expect(read(many)).toHaveLength(PANELS_MAX);
  });
  it('are read as they were written', () => {
    const panels = [
      { ...emptyPanel(), expr: 'a{b="c&d"}' },
      {
        expr: 'x',
        view: 'graph' as const,
        rangeMs: 900_000,
        endMs: Date.UTC(2026, 5, 1),
        resolution: { kind: 'auto' as const, density: 'high' as const },
        display: 'heatmap' as const,
        yAxisMin: 0,
        showExemplars: true,
        showAlerts: true,
        isDeduplicated: false,
      },
      { ...emptyPanel(), resolution: { kind: 'step' as const, stepMs: 1500 } },
    ];
    expect(read(stringifySearch(writePanels(panels)))).toEqual(panels);
    expect(writePanels([emptyPanel()])).toEqual({});
  });
});

describe('steps', () => {
  it.each([
    ['low', 3_600_000, 36_000],
    ['medium', 3_600_000, 14_000],
    ['high', 3_600_000, 3_000],
    ['high', 60_000, 60],
  ] as const)('%s over %d ms', (density, rangeMs, step) => {
    const resolution = { kind: 'auto', density } as const;
    expect(stepMs({ ...emptyPanel(), rangeMs, resolution })).toBe(step);
  });
});

describe('ranges', () => {
  const resolution = { kind: 'step', stepMs: 70_000 } as const;
  const panel = { ...emptyPanel(), rangeMs: 600_000, resolution };
  it('that end now have the steps that the one before had, where they are long', () => {
    expect(range(panel, 7_000_000)).toEqual({ startMs: 6_370_000, endMs: 7_000_000, stepMs: 70_000 });
    expect(range(panel, 7_069_999)).toEqual(range(panel, 7_000_000));
    expect(range(panel, 7_070_000).startMs).toBe(6_440_000);
  });
  it('of short steps end with what is newest', () => {
    const short = { ...panel, resolution: { kind: 'step', stepMs: 7000 } as const };
    expect(range(short, 700_001)).toEqual({ startMs: 100_001, endMs: 700_001, stepMs: 7000 });
  });
  it('that somebody has written stay as they are', () => {
    const written = range({ ...panel, endMs: 6_500_001 }, 7_000_000);
    expect(written).toEqual({ startMs: 5_900_001, endMs: 6_500_001, stepMs: 70_000 });
  });
});
