// HTTP through the host's client. Only granted hosts can be reached, and a redirect is handed back as
// it is.

import { host } from "#host";
import { ProtocolError, UnavailableError, call } from "./errors.js";
import { Secret } from "./secrets.js";
import { decode, encode, valid } from "./text.js";

/** The header value `Bearer` and a secret. */
export function bearer(secret) {
  return new Hidden({ tag: "bearer", val: secret.handle });
}

/** The header value `Basic` of a user's name and a secret as the password. */
export function basic(user, secret) {
  return new Hidden({ tag: "basic", val: [user, secret.handle] });
}

class Hidden {
  constructor(value) {
    Object.defineProperty(this, "value", { value });
  }
}

/** What came back. */
export class Response {
  constructor({ status, headers, body }) {
    this.status = status;
    /** Pairs as they came; a name may come more than once. */
    this.headers = headers;
    this.body = body;
  }

  /** The first header of that name, however it is written; undefined where there is none. */
  header(name) {
    const lower = name.toLowerCase();
    return this.headers.find(([key]) => key.toLowerCase() === lower)?.[1];
  }

  /**
   * Itself, if its status is one of these (without any: 200 to 299); else an UnavailableError for a
   * status of 500 and more, or a ProtocolError.
   */
  expect(...statuses) {
    const { status } = this;
    if (statuses.length ? statuses.includes(status) : status >= 200 && status < 300) {
      return this;
    }
    const kind = status >= 500 ? UnavailableError : ProtocolError;
    throw new kind(`the answer has the status ${status}`);
  }

  /** The body as text. */
  text() {
    return decode(this.body);
  }

  /** The body as JSON, or a ProtocolError. */
  json() {
    try {
      return JSON.parse(this.text());
    } catch (error) {
      throw new ProtocolError(`the answer is not JSON: ${error.message}`);
    }
  }
}

/**
 * A response whose body stays with the host. Returned by `collect`, the host reads it as it would
 * read a target's own metrics.
 */
export class Stored {
  constructor({ status, contentType, length, handle }) {
    this.status = status;
    this.contentType = contentType;
    this.length = length;
    this.handle = handle;
  }
}

/** A request with the method GET; `options` as in `request`. */
export function get(url, options) {
  return request("GET", url, options);
}

/** A request with the method POST; `options` as in `request`. */
export function post(url, body, options) {
  return request("POST", url, { ...options, body });
}

/**
 * Sends a request. `headers` are an object whose values are texts, secrets, or from `bearer` and
 * `basic`; `body` is a text or bytes; `timeoutMs` shortens the call's own deadline; `tls` is the name
 * of a TLS profile in the operator's configuration. Any status is an answer: see `Response.expect`.
 */
export function request(method, url, options) {
  return new Response(call(() => host.http.send(record(method, url, options))));
}

/** As `get`, but the body stays with the host. */
export function fetch(url, options) {
  return new Stored(call(() => host.http.fetch(record("GET", url, options))));
}

function record(method, url, { headers = {}, body = null, timeoutMs = null, tls = null } = {}) {
  return {
    method,
    url: valid(String(url)),
    headers: Object.entries(headers).map(([name, value]) => [name, header(value)]),
    body: typeof body === "string" ? encode(body) : body,
    timeoutMs: timeoutMs === null ? null : Math.min(Math.max(1, Math.trunc(timeoutMs)), 2 ** 32 - 1),
    tls,
  };
}

function header(value) {
  if (value instanceof Hidden) {
    return value.value;
  }
  if (value instanceof Secret) {
    return { tag: "secret", val: value.handle };
  }
  return { tag: "plain", val: valid(String(value)) };
}
