// Why a call failed: the contract's errors as classes, and whatever was thrown as its errors.
//
// The text is for the operator. It becomes the target's last error: it says what to do and never
// holds a secret.

import { valid } from "./text.js";

/** A failure that has its place in the contract. */
export class PluginError extends Error {
  get name() {
    return this.constructor.name;
  }
}

/** The plugin's configuration is at fault: trying again does not help. */
export class ConfigError extends PluginError {}
/** The other side could not be reached or closed early. */
export class UnavailableError extends PluginError {}
/** The call's time ran out. */
export class OutOfTimeError extends PluginError {}
/** The host refused: the grant does not cover it. */
export class DeniedError extends PluginError {}
/** The other side answered with something that is not its protocol, or with an error. */
export class ProtocolError extends PluginError {}
/** Anything else. */
export class InternalError extends PluginError {}

const classes = {
  config: ConfigError,
  unavailable: UnavailableError,
  timeout: OutOfTimeError,
  denied: DeniedError,
  protocol: ProtocolError,
  internal: InternalError,
};

/** The error for what the host threw. */
export function fromWit(thrown) {
  const error = thrown?.payload ?? thrown;
  const kind = classes[error?.tag];
  if (kind === undefined) {
    return thrown;
  }
  return new kind(error.val ?? "the call's time ran out");
}

/** The contract's error for whatever was thrown. */
export function toWit(thrown) {
  const [tag] = Object.entries(classes).find(([, kind]) => thrown instanceof kind) ?? [];
  if (tag === "timeout") {
    return { tag };
  }
  return { tag: tag ?? "internal", val: valid(tag ? thrown.message : describe(thrown)) };
}

/** What was thrown, as a text. */
export function describe(thrown) {
  try {
    if (thrown instanceof Error) {
      return thrown.message ? `${thrown.name}: ${thrown.message}` : thrown.name;
    }
    return typeof thrown === "object" ? `thrown: ${JSON.stringify(thrown)}` : `thrown: ${String(thrown)}`;
  } catch {
    return "something was thrown that has no text";
  }
}

/** Calls the host; its errors come as the classes above. */
export function call(act) {
  try {
    return act();
  } catch (thrown) {
    throw fromWit(thrown);
  }
}
