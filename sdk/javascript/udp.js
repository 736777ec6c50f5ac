// Datagrams to and from granted hosts and ports. A socket ends with the call that opened it, or by
// `close`.

import { host } from "#host";
import { call } from "./errors.js";
import { encode } from "./text.js";

/** The largest datagram. */
export const DATAGRAM_BYTES_MAX = 65535;

/** A socket that talks with one host and port. */
export class Socket {
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  /** Sends one datagram. */
  send(data) {
    call(() => this.#handle.send(typeof data === "string" ? encode(data) : data));
  }

  /** The next datagram, cut off after `max` bytes. */
  receive(max = DATAGRAM_BYTES_MAX) {
    return call(() => this.#handle.receive(max));
  }

  /** Ends the socket; it is of no use after that. */
  close() {
    const handle = this.#handle;
    this.#handle = undefined;
    handle?.[Symbol.dispose]?.();
  }
}

/** A socket for this host and port. */
export function connect(address, port) {
  return new Socket(call(() => host.udp.connect(address, port)));
}
