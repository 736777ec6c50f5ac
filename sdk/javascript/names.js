// The system's resolver, for granted hosts.

import { host } from "#host";
import { call } from "./errors.js";

/** All addresses of a name. */
export function resolve(name) {
  return call(() => host.names.resolve(name));
}
