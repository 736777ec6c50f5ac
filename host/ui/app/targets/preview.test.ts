// What a preview says of itself.
import { expect, it } from 'vitest';
import type { ScrapePreview } from '../api/preview';
import { summary } from './preview';

const preview: ScrapePreview = {
  durationSeconds: 0.012,
  bytes: 2048,
  contentType: 'text/plain',
  page: 'up 1',
  isPageCut: false,
  error: '',
  samplesScraped: 7,
  samplesKept: 7,
  samples: [],
};

it.each([
  [{}, '7 samples in 12 ms, 2.0 KiB, text/plain'],
  [{ samplesKept: 4 }, '7 samples in 12 ms, 3 of them dropped by relabelling, 2.0 KiB, text/plain'],
  [{ contentType: '', bytes: 0, samplesScraped: 0, samplesKept: 0 }, '0 samples in 12 ms, 0 B'],
])('%j', (part, text) => {
  expect(summary({ ...preview, ...part })).toBe(text);
});
