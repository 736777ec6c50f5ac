// The plugin's log. The host adds plugin, version and job, cuts long lines, and lets only so many
// through in one call.

import { host } from "#host";
import { valid } from "./text.js";

/** A line of the level trace; `fields` are an object of names and values. */
export function trace(message, fields) {
  log("trace", message, fields);
}

/** A line of the level debug. */
export function debug(message, fields) {
  log("debug", message, fields);
}

/** A line of the level info. */
export function info(message, fields) {
  log("info", message, fields);
}

/** A line of the level warn. */
export function warn(message, fields) {
  log("warn", message, fields);
}

/** A line of the level error. */
export function error(message, fields) {
  log("error", message, fields);
}

function log(level, message, fields = {}) {
  const text = (value) => valid(String(value));
  const pairs = Object.entries(fields).map(([name, value]) => [text(name), text(value)]);
  host.log.log(level, text(message), pairs);
}
