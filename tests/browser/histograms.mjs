// Native histograms and exemplars, pushed as OTLP: five minutes of a shop whose answers become
// slower, a histogram and a request every five seconds.
import assert from 'node:assert/strict';
import { MARKUP } from './server.mjs';

const POINTS = 60;
const STEP_MS = 5_000;

/** Buckets of scale 1: each ends at 1.41 times its beginning. Six of them, which move upwards. */
const SHAPE = [1, 4, 9, 6, 3, 1];

/** Metrics of the last five minutes under a name, as JSON of OTLP. */
function metrics(name, endMs) {
  const nano = (ms) => `${Math.round(ms)}000000`;
  const startMs = endMs - POINTS * STEP_MS;
  const counts = new Array(20).fill(0);
  const histograms = [];
  const requests = [];
  for (let index = 0; index <= POINTS; index += 1) {
    const timeMs = startMs + index * STEP_MS;
    const first = Math.floor((index * 12) / POINTS);
    SHAPE.forEach((count, at) => {
      counts[first + at] += count;
    });
    const count = counts.reduce((a, b) => a + b, 0);
    const point = { startTimeUnixNano: nano(startMs - 1), timeUnixNano: nano(timeMs) };
    histograms.push({
      ...point, count: `${count}`, sum: count / 4, scale: 1, zeroCount: '0',
      positive: { offset: -10, bucketCounts: counts.map(String) },
    });
    requests.push({
      ...point, asInt: `${(index + 1) * 24}`,
      exemplars:
        index % 12 === 6
          ? [{
              timeUnixNano: nano(timeMs), asDouble: 0.25 + index / 40,
              traceId: `0af7651916cd43dd8448eb211c80${String(index).padStart(4, '0')}`,
              spanId: '00f067aa0ba902b7',
              filteredAttributes: [{ key: 'note', value: { stringValue: MARKUP.slice(0, 40) } }],
            }]
          : [],
    });
  }
  const value = (stringValue) => ({ stringValue });
  return {
    resourceMetrics: [{
      resource: { attributes: [{ key: 'service.name', value: value('shop') }] },
      scopeMetrics: [{
        metrics: [
          {
            name: `${name}_latency`, description: 'How long an answer took.',
            exponentialHistogram: { aggregationTemporality: 2, dataPoints: histograms },
          },
          {
            name: `${name}_requests`, description: 'Requests that were answered.',
            sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: requests },
          },
        ],
      }],
    }],
  };
}

/**
 * Pushes them, and says when they end. Each story has a name of its own: what was pushed once
 * cannot be pushed again.
 */
export async function pushHistograms(url, name) {
  const endMs = Math.floor(Date.now() / STEP_MS) * STEP_MS;
  const response = await fetch(`${url}/api/v1/otlp/v1/metrics`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(metrics(name, endMs)),
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.ok(!text.includes('rejected'), text);
  return endMs;
}
