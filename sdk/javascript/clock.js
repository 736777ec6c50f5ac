// Time. `Date` is led here in a component.

import { host } from "#host";
import { call } from "./errors.js";

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

/**
 * How the kernel disciplines the clock of the host's machine, in the numbers of adjtimex(2): `state`
 * (5: nothing synchronizes it), `status`, `offset` and `ppsJitter` (nanoseconds where `status` has the
 * bit 0x2000, microseconds where it has not), `maxError`, `estimatedError`, `precision` and `tick`
 * (microseconds), `frequency`, `tolerance`, `ppsFrequency` and `ppsStability` (65536 is one in a
 * million), `constant`, `ppsShift`, `ppsJitterExceeded`, `ppsCalibrations`, `ppsErrors`,
 * `ppsStabilityExceeded`, `tai` (seconds).
 */
export function discipline() {
  const told = call(() => host.clock.discipline());
  // Where an engine has them as bigints.
  return Object.fromEntries(Object.entries(told).map(([name, value]) => [name, Number(value)]));
}
