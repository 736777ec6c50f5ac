// TCP connections to granted hosts and ports. A connection ends with the call that opened it, or by
// `close`.

import { host } from "#host";
import { call } from "./errors.js";
import { decode, encode } from "./text.js";

/** The longest line that `Connection.readLine` takes where it is not told otherwise. */
export const LINE_BYTES_MAX = 64 * 1024;

const bytes = (data) => (typeof data === "string" ? encode(data) : data);

/** A connection, in the clear or in TLS. */
export class Connection {
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  /** Writes all of it; a text as UTF-8. */
  write(data) {
    call(() => this.#handle.write(bytes(data)));
  }

  /** Writes a secret between two texts; the plugin does not see it. */
  writeSecret(prefix, secret, suffix = "") {
    call(() => this.#handle.writeSecret(bytes(prefix), secret.handle, bytes(suffix)));
  }

  /** Up to so many bytes, at least one; empty at the end of the stream. */
  read(max = 65536) {
    return call(() => this.#handle.read(max));
  }

  /** Up to and with the delimiter, a text or bytes. A ProtocolError for `max` bytes without it. */
  readUntil(delimiter, max = LINE_BYTES_MAX) {
    return call(() => this.#handle.readUntil(bytes(delimiter), max));
  }

  /** The next line as text, without its end. */
  readLine(max = LINE_BYTES_MAX) {
    return decode(this.readUntil("\n", max)).replace(/[\r\n]+$/, "");
  }

  /** Exactly so many bytes. */
  readExact(count) {
    return call(() => this.#handle.readExact(count));
  }

  /**
   * Goes on in TLS, for protocols that begin without. `profile` is the name of a TLS profile in the
   * operator's configuration; `serverName` is the host that was connected to where there is none.
   */
  startTls(profile = "", serverName = null) {
    call(() => this.#handle.startTls(profile, serverName));
  }

  /**
   * `version`, `cipher` and `certificates` (in DER, the other side's own first); null as long as the
   * connection is in the clear.
   */
  session() {
    return this.#handle.session();
  }

  /** The address at the other end, without its port. */
  peer() {
    return this.#handle.peer();
  }

  /** Ends the connection; it is of no use after that. */
  close() {
    const handle = this.#handle;
    this.#handle = undefined;
    handle?.[Symbol.dispose]?.();
  }
}

/**
 * Connects. `tls` is the name of a TLS profile in the operator's configuration; the empty name is the
 * system's authorities and no client certificate; null is no TLS.
 */
export function connect(address, port, tls = null) {
  return new Connection(call(() => host.tcp.connect(address, port, tls)));
}
