// Small blobs that outlive a call, an instance, a new version of the plugin and a restart of the host.
// They belong to one job.

import { host } from "#host";
import { call } from "./errors.js";
import { decode, encode } from "./text.js";

/** The blob; null where there is none. */
export function get(key) {
  return call(() => host.state.get(key)) ?? null;
}

/** Keeps a blob. An empty one takes the key away. */
export function set(key, value) {
  call(() => host.state.set(key, value));
}

/**
 * A value that `setJson` kept. What cannot be read, because another version of the plugin wrote it, is
 * `otherwise`.
 */
export function getJson(key, otherwise = null) {
  const blob = get(key);
  try {
    return blob === null ? otherwise : JSON.parse(decode(blob));
  } catch {
    return otherwise;
  }
}

/** Keeps a value as JSON. */
export function setJson(key, value) {
  set(key, encode(JSON.stringify(value)));
}
