// The answer of `/api/v1/targets/preview`.
import type { InstantSeries } from './query';

export interface ScrapePreview {
  durationSeconds: number;
  bytes: number;
  /** Empty of a plugin, and where nothing came. */
  contentType: string;
  /** Null where what came is no text. */
  page: string | null;
  isPageCut: boolean;
  /** Empty where the scrape went well. */
  error: string;
  samplesScraped: number;
  /** As many as the job's metric relabelling has kept. */
  samplesKept: number;
  samples: InstantSeries[];
}
