import { expect, it, vi } from 'vitest';

vi.mock('../page', () => ({ below: (path: string) => `/${path}` }));

const { timeUsed } = await import('./used');

it('the time of a plugin is that of its calls, by job', () => {
  const page = [
    '# TYPE narthex_plugin_call_duration_seconds histogram',
    'narthex_plugin_call_duration_seconds_sum{plugin="node",job="a \\"b\\"\\\\"} 1.5',
    'narthex_plugin_call_duration_seconds_count{plugin="node",job="a \\"b\\"\\\\"} 3',
    'narthex_plugin_call_duration_seconds_sum{plugin="other",job="x"} 7',
    'narthex_plugin_call_duration_seconds_bucket{plugin="node",job="a",le="1"} 7',
  ].join('\n');
  expect([...timeUsed(page, 'node')]).toEqual([['a "b"\\', { calls: 3, seconds: 1.5 }]]);
});
