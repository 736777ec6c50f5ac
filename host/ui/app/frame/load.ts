// Files of the application that are loaded when they are first needed. A server that is away just
// then is waited for; the browser's own way is a page that is blank from then on.
import { isReady } from '../api/client';

/** How often the server is looked for, in milliseconds. */
const POLL_MS = 2000;

const pause = () => new Promise((resolve) => setTimeout(resolve, POLL_MS));

async function isThere(): Promise<boolean> {
  try {
    return await isReady();
  } catch {
    return false;
  }
}

/** What an import gives: now, or when the server is there again. */
export async function load<T>(
  take: () => Promise<T>,
  isBack: () => Promise<boolean> = isThere,
  wait: () => Promise<unknown> = pause,
): Promise<T> {
  try {
    return await take();
  } catch {
    while (!(await isBack())) await wait();
    // What fails now is of another version than the server's; a page that is loaded again has it.
    return take();
  }
}
