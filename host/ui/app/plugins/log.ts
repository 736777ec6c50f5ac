// The log of a plugin as it is shown: the last lines, the newest below.
import type { PluginLogLine } from '../api/plugins';

/** So many lines are kept on the page. */
export const LINES_MAX = 1000;

/** A line of the log, or how many a slow reader has missed. */
export type LogEntry = PluginLogLine | { dropped: number };

/** What a followed log says; a line that is none is left out. */
export function readEntries(lines: string[]): LogEntry[] {
  return lines.flatMap((line) => {
    try {
      const read: unknown = JSON.parse(line);
      return typeof read === 'object' && read !== null ? [read as LogEntry] : [];
    } catch {
      return [];
    }
  });
}

/** The log with more lines. */
export function withEntries(before: LogEntry[], more: LogEntry[]): LogEntry[] {
  return [...before, ...more].slice(-LINES_MAX);
}
