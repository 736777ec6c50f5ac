// The queries that somebody ran, kept in the browser and nowhere else.

const KEY = 'narthex.query.history';

/** The newest so many are kept. */
export const HISTORY_MAX = 50;

/** A query longer than this is not kept: the browser's store is small. */
const EXPR_CHARS_MAX = 4096;

/** The newest first. A browser that keeps nothing has none. */
export function readHistory(store: Storage | undefined = browser()): string[] {
  try {
    const kept: unknown = JSON.parse(store?.getItem(KEY) ?? '[]');
    return Array.isArray(kept)
      ? kept.filter((one): one is string => typeof one === 'string').slice(0, HISTORY_MAX)
      : [];
  } catch {
    return [];
  }
}

export function remember(expr: string, store: Storage | undefined = browser()): void {
  const trimmed = expr.trim();
  if (trimmed === '' || trimmed.length > EXPR_CHARS_MAX) return;
  const others = readHistory(store).filter((one) => one !== trimmed);
  write([trimmed, ...others].slice(0, HISTORY_MAX), store);
}

export function forget(store: Storage | undefined = browser()): void {
  write([], store);
}

function write(history: string[], store: Storage | undefined): void {
  try {
    store?.setItem(KEY, JSON.stringify(history));
  } catch {
    // The browser's store is full or closed; a history is not worth an error.
  }
}

function browser(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}
