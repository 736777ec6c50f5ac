// A preview of a scrape as a text.
import type { ScrapePreview } from '../api/preview';
import { shortDuration } from '../format/duration';
import { formatBytes, formatCount } from '../format/number';

/** What a scrape came to, in a sentence. */
export function summary(preview: ScrapePreview): string {
  const { samplesScraped, samplesKept, bytes, contentType } = preview;
  const dropped = samplesScraped - samplesKept;
  return [
    `${formatCount(samplesScraped)} samples in ${shortDuration(preview.durationSeconds)}`,
    dropped > 0 ? `${formatCount(dropped)} of them dropped by relabelling` : '',
    formatBytes(bytes),
    contentType,
  ]
    .filter((part) => part !== '')
    .join(', ');
}
