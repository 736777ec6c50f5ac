// Names of metrics with what targets say of them.
import type { MetricMetadata } from '../api/query';

export interface Metric {
  name: string;
  /** "" where no target says it. */
  type: string;
  help: string;
}

/** What the series of one metric end in: histograms, summaries, and counters in OpenMetrics. */
const SUFFIXES = /_(bucket|sum|count|total|created|info)$/;

/** Each name with the metadata of its metric. */
export function describeMetrics(
  names: string[],
  metadata: Record<string, MetricMetadata[]>,
): Metric[] {
  // Names are what targets say, so one may be that of a property that every object has.
  const known = new Map(Object.entries(metadata));
  return names.map((name) => {
    const found = known.get(name) ?? known.get(name.replace(SUFFIXES, '')) ?? [];
    const type = found.map((one) => one.type).find((one) => one !== 'unknown') ?? '';
    // Targets may say the same in other words, and all of them are searched.
    const helps = new Set(found.map((one) => one.help).filter((help) => help !== ''));
    return { name, type, help: [...helps].join(' / ') };
  });
}
