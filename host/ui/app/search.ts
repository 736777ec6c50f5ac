// The query of an address as a map of texts: what Prometheus' addresses are, and no JSON in them.

export type Search = Record<string, string>;

/** A name that comes several times, as in `state=firing&state=pending`, has all of its values. */
export function parseSearch(text: string): Search {
  const search: Search = {};
  const names = new Set<string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (name === '__proto__') continue;
    search[name] = names.has(name) ? `${search[name]},${value}` : value;
    names.add(name);
  }
  return search;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== '') params.append(name, String(value));
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}
