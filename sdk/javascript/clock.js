// Time. `Date` is led here in a component.

import { host } from "#host";

/** Milliseconds since the Unix epoch. */
export function now() {
  return host.clock.now();
}

/** Milliseconds from a point of the host's choice; never goes back. */
export function monotonic() {
  return host.clock.monotonic() / 1e6;
}

/** Milliseconds until the host stops the call that is under way. */
export function remaining() {
  return host.clock.remaining();
}
