// What must not be known: a secret lies with the host under a name, and the plugin holds a handle that
// it hands to `http` and `tcp`.

import { host } from "#host";
import { call } from "./errors.js";

/** A secret. It prints without its text. */
export class Secret {
  constructor(handle, name) {
    Object.defineProperty(this, "handle", { value: handle });
    this.name = name;
  }

  /** The text itself, for protocols that compute with it. The host counts these calls. */
  reveal() {
    return call(() => this.handle.reveal());
  }

  toString() {
    return `<secret ${this.name}>`;
  }
}

/**
 * The secret of that name, where it is granted. Get it in each collection: then a secret that the
 * operator changes is the new one.
 */
export function get(name) {
  return new Secret(call(() => host.secrets.get(name)), name);
}
