// Metrics by name, with their types.
import { expect, it } from 'vitest';
import { describeMetrics } from './metrics';

it('series of a histogram have its metadata, and no name finds what it should not', () => {
  const metadata = {
    latency: [{ type: 'histogram', help: 'How long', unit: '' }],
    up: [{ type: 'gauge', help: '', unit: '' }, { type: 'counter', help: 'x', unit: '' }, { type: 'gauge', help: 'y', unit: '' }],
    odd: [{ type: 'unknown', help: 'What?', unit: '' }],
  };
  expect(describeMetrics(['latency_bucket', 'up', 'odd', 'constructor', 'x_total'], metadata)).toEqual([
    { name: 'latency_bucket', type: 'histogram', help: 'How long' },
    { name: 'up', type: 'gauge', help: 'x / y' },
    { name: 'odd', type: '', help: 'What?' },
    { name: 'constructor', type: '', help: '' },
    { name: 'x_total', type: '', help: '' },
  ]);
});
