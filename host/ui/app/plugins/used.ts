// The time that a plugin has used, of the server's own metrics: they are there whether or not
// anybody scrapes them.
import { below } from '../page';

/** What the calls of one job have taken. */
export interface TimeUsed {
  calls: number;
  seconds: number;
}

const LINE = /^narthex_plugin_call_duration_seconds_(sum|count)\{(.*)\} (\S+)$/;

function labels(text: string): Map<string, string> {
  const pairs = text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g);
  const plain = (value: string) =>
    value.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
  return new Map([...pairs].map(([, name = '', value = '']) => [name, plain(value)]));
}

/** The time that a plugin's calls have taken, by its jobs, as a page of metrics says. */
export function timeUsed(page: string, plugin: string): Map<string, TimeUsed> {
  const jobs = new Map<string, TimeUsed>();
  for (const line of page.split('\n')) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const of = labels(match[2] ?? '');
    if (of.get('plugin') !== plugin) continue;
    const job = of.get('job') ?? '';
    const used = jobs.get(job) ?? { calls: 0, seconds: 0 };
    const value = Number(match[3]);
    jobs.set(job, match[1] === 'sum' ? { ...used, seconds: value } : { ...used, calls: value });
  }
  return jobs;
}

export async function askTimeUsed(plugin: string, signal: AbortSignal) {
  const response = await fetch(below('metrics'), { credentials: 'same-origin', signal });
  return timeUsed(response.ok ? await response.text() : '', plugin);
}
