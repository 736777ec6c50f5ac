// A host for unit tests in Node: the files, answers and dialogues it was given, and nothing else.
//
//     const host = new Host().tcp("127.0.0.1:11211", [["stats\r\n", "STAT threads 4\r\nEND\r\n"]]);
//     const batch = host.collect(await import("./app.js"), { target: "127.0.0.1:11211" });
//     assert.equal(batch.toText(), "memcached_threads 4\n");

import { running } from "./host/fake.js";
import { fromWit } from "./errors.js";
import { Batch } from "./batch.js";
import { Exposition, Rejected, Retry } from "./plugin.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const bytesOf = (data) => (typeof data === "string" ? encoder.encode(data) : data);

function fail(tag, val) {
  throw { tag, val };
}

/** The record of the contract. */
const TIMEX = [
  "state", "status", "offset", "frequency", "maxError", "estimatedError", "constant", "precision",
  "tolerance", "tick", "ppsFrequency", "ppsJitter", "ppsShift", "ppsStability",
  "ppsJitterExceeded", "ppsCalibrations", "ppsErrors", "ppsStabilityExceeded", "tai",
];

/** What a plugin under test finds outside. Its methods return itself, to be chained. */
export class Host {
  constructor({ nowMs = 0 } = {}) {
    this.nowMs = nowMs;
    /** What the plugin logged: `{level, message, fields}`. */
    this.logged = [];
    /** The requests that the plugin sent, their secrets filled in. */
    this.requests = [];
    /** What the plugin wrote to connections and sockets, as text, by address. */
    this.written = {};
    /** State blobs; they stay from one plugin to the next. */
    this.state = new Map();
    this.disciplined = null;
    this.files = new Map();
    this.responses = new Map();
    this.dialogues = new Map();
    this.datagrams = new Map();
    this.secrets = new Map();
    this.addresses = new Map();
    this.objects = new Map();
    this.stored = [];
    this.mistake = null;
    this.interfaces = interfacesOf(this);
  }

  // What there is.

  /** Adds a file; its folders are there then. */
  file(path, content) {
    this.files.set(path, bytesOf(content));
    return this;
  }

  /** Lets the kernel tell how it disciplines the clock; what is left out is 0. */
  timex(numbers = {}) {
    this.disciplined = { ...Object.fromEntries(TIMEX.map((name) => [name, 0])), ...numbers };
    return this;
  }

  /**
   * Answers requests; a body that is neither text nor bytes is written as JSON. Several for one URL
   * answer one after the other, the last again and again.
   */
  response(url, body = "", { status = 200, headers = {}, method = "GET" } = {}) {
    const isRaw = typeof body === "string" || body instanceof Uint8Array;
    const bytes = bytesOf(isRaw ? body : JSON.stringify(body));
    const answer = { status, headers: Object.entries(headers), body: bytes };
    return this.add(this.responses, `${method} ${url}`, answer);
  }

  /**
   * Lets a connection to `host:port` have this dialogue: pairs of what the plugin is to write and
   * what it reads then, where a first pair with nothing to write is a greeting; or, as one text, all
   * that it can read, whatever it writes. Several for one address are for one connection after the
   * other, the last again and again.
   */
  tcp(address, dialogue) {
    return this.add(this.dialogues, address, dialogue);
  }

  /** Answers each datagram to `host:port` with the next of these. */
  udp(address, ...datagrams) {
    this.datagrams.set(address, [...(this.datagrams.get(address) ?? []), ...datagrams]);
    return this;
  }

  /** Adds a secret. */
  secret(name, text) {
    this.secrets.set(name, text);
    return this;
  }

  /** Lets a name be resolved and answer to echo requests, in a millisecond. */
  name(name, ...addresses) {
    this.addresses.set(name, addresses);
    return this;
  }

  /** Lets watches of the object's kind see it; `change` is added, modified or deleted. */
  object(item, change = "added") {
    return this.add(this.objects, `${item.apiVersion} ${item.kind}`, { change, item });
  }

  add(map, key, value) {
    map.set(key, [...(map.get(key) ?? []), value]);
    return this;
  }

  /** What is in a list for a key: one after the other, the last again and again. */
  next(map, key) {
    const list = map.get(key);
    return list && (list.length > 1 ? list.shift() : list[0]);
  }

  // What a test does.

  /**
   * Makes a module's plugin and reads a target with it, as the host would: its Batch, Exposition, or
   * the body of the response that stayed with the host, as an Exposition. Throws the error that the
   * host would get.
   */
  collect(module, { target, config } = {}) {
    return this.start(module, config).collect(target);
  }

  /** Makes a module's plugin. Throws the error that the host would get. */
  start(module, config = {}) {
    this.run(() => module.lifecycle.init(JSON.stringify(config)));
    return new Running(this, module);
  }

  /** Does something with this host as the one that runs. */
  run(act) {
    const before = running.host;
    running.host = this;
    try {
      return act();
    } catch (thrown) {
      throw fromWit(thrown);
    } finally {
      running.host = before;
      if (this.mistake !== null) {
        const mistake = this.mistake;
        this.mistake = null;
        // eslint-disable-next-line no-unsafe-finally
        throw mistake;
      }
    }
  }

  /** A plugin that does not do as the test says: it gets an error, and so does the test. */
  wrong(text) {
    this.mistake = new Error(text);
    fail("internal", text);
  }

  note(address, data) {
    this.written[address] = (this.written[address] ?? "") + decoder.decode(data);
  }
}

/** A plugin that was made. */
class Running {
  constructor(host, module) {
    this.host = host;
    this.module = module;
  }

  /** As `Host.collect`; the target is an address, or `{address, labels, params}`. */
  collect(target = "127.0.0.1:80") {
    const { address, labels = {}, params = {} } =
      typeof target === "string" ? { address: target } : target;
    const record = {
      address,
      labels: Object.entries(labels),
      params: Object.entries(params).flatMap(([name, values]) => values.map((v) => [name, v])),
    };
    const { collector } = this.module;
    const payload = this.host.run(() => collector.collect(record));
    if (payload.tag === "response") {
      const { body, contentType } = this.host.stored[payload.val];
      return new Exposition(body, contentType);
    }
    if (payload.tag === "exposition") {
      const [contentType, body] = payload.val;
      return new Exposition(body, contentType);
    }
    return Batch.fromWit(payload.val);
  }

  /** The groups that a discovery plugin finds. */
  refresh() {
    const groups = this.host.run(() => this.module.discoverer.refresh());
    return groups.map(({ source, targets, labels }) => ({
      source,
      targets: targets.map(Object.fromEntries),
      labels: Object.fromEntries(labels),
    }));
  }

  /**
   * What a receiver makes of a notification, of which fields may be left out: null, a Retry or a
   * Rejected.
   */
  notify(notification) {
    const record = notificationOf(notification);
    const { tag, val } = this.host.run(() => this.module.notifier.notify(record));
    switch (tag) {
      case "retry":
        return new Retry(val);
      case "rejected":
        return new Rejected(val);
      default:
        return null;
    }
  }

  /** Whether the plugin takes another configuration. */
  reconfigure(config) {
    return this.host.run(() => this.module.lifecycle.reconfigure(JSON.stringify(config)));
  }

  /** `ready` and `message`. */
  health() {
    return this.host.run(() => this.module.lifecycle.health());
  }

  /** The last call. */
  shutdown() {
    this.host.run(() => this.module.lifecycle.shutdown());
  }
}

/** The record of the contract: labels are pairs, and times have other names there. */
function notificationOf(notification) {
  const pairs = (labels = {}) => Object.entries(labels);
  return {
    groupKey: "",
    receiver: "",
    externalUrl: "",
    truncated: 0,
    ...notification,
    groupLabels: pairs(notification.groupLabels),
    commonLabels: pairs(notification.commonLabels),
    commonAnnotations: pairs(notification.commonAnnotations),
    alerts: (notification.alerts ?? []).map((alert) => ({
      firing: true,
      fingerprint: "",
      generatorUrl: "",
      ...alert,
      labels: pairs(alert.labels),
      annotations: pairs(alert.annotations),
      startsAt: alert.startsAtMs ?? 0,
      endsAt: alert.endsAtMs ?? null,
    })),
  };
}

function interfacesOf(host) {
  const send = (request) => {
    const headers = Object.fromEntries(request.headers.map(([name, value]) => [name, header(value)]));
    const body = request.body === null ? null : decoder.decode(request.body);
    host.requests.push({ ...request, headers, body });
    const key = `${request.method} ${request.url}`;
    return host.next(host.responses, key) ?? fail("denied", `${key} is not there`);
  };
  const read = (path) => host.files.get(path) ?? fail("unavailable", `${path}: no such file`);
  const resolve = (name) =>
    host.addresses.get(name) ?? fail("unavailable", `${name}: no such name`);
  return {
    log: {
      log: (level, message, fields) =>
        host.logged.push({ level, message, fields: Object.fromEntries(fields) }),
    },
    clock: {
      now: () => host.nowMs,
      monotonic: () => host.nowMs * 1e6,
      remaining: () => 10_000,
      discipline: () => host.disciplined ?? fail("unavailable", "adjtimex: not supported"),
    },
    secrets: {
      get: (name) => {
        const text = host.secrets.get(name);
        return text === undefined
          ? fail("denied", `the secret ${name} is not granted`)
          : { reveal: () => text };
      },
    },
    http: {
      send,
      fetch: (request) => {
        const { status, headers, body } = send(request);
        const [, contentType = ""] =
          headers.find(([name]) => name.toLowerCase() === "content-type") ?? [];
        host.stored.push({ body, contentType });
        return { status, contentType, length: body.length, handle: host.stored.length - 1 };
      },
    },
    tcp: {
      connect: (name, port, tls) => {
        const address = name.includes(":") ? `[${name}]:${port}` : `${name}:${port}`;
        const dialogue = host.next(host.dialogues, address);
        return dialogue === undefined
          ? fail("unavailable", `${address}: connection refused`)
          : new Connection(host, address, dialogue, tls);
      },
    },
    udp: { connect: (name, port) => new Socket(host, `${name}:${port}`) },
    icmp: { ping: (name) => ({ address: resolve(name)[0], nanoseconds: 1e6 }) },
    names: { resolve },
    files: {
      read,
      entries: (path) => {
        const folder = `${path.replace(/\/$/, "")}/`;
        const below = [...host.files.keys()].filter((name) => name.startsWith(folder));
        const names = new Set(below.map((name) => name.slice(folder.length).split("/")[0]));
        return names.size ? [...names].sort() : fail("unavailable", `${path}: no such folder`);
      },
      link: (path) => decoder.decode(read(path)),
      fileSystem: () => ({
        bytes: 2 ** 30,
        bytesFree: 2 ** 29,
        bytesAvailable: 2 ** 28,
        files: 1000,
        filesFree: 500,
        readOnly: false,
      }),
    },
    state: {
      get: (key) => host.state.get(key) ?? null,
      set: (key, value) => void (value.length ? host.state.set(key, value) : host.state.delete(key)),
    },
    kubernetes: {
      open: (apiVersion, kind, namespace) => {
        let at = 0;
        return {
          drain: (max) => {
            // What the test adds later is there at the next call.
            const seen = (host.objects.get(`${apiVersion} ${kind}`) ?? []).slice(at, at + max);
            at += seen.length;
            return seen
              .filter(({ item }) => namespace === null || item.metadata?.namespace === namespace)
              .map(({ change, item }) => ({ change, object: JSON.stringify(item) }));
          },
          synced: () => true,
        };
      },
    },
  };
}

function header({ tag, val }) {
  switch (tag) {
    case "bearer":
      return `Bearer ${val.reveal()}`;
    case "basic":
      return `Basic ${val[0]}:${val[1].reveal()}`;
    case "secret":
      return val.reveal();
    default:
      return val;
  }
}

class Connection {
  constructor(host, address, dialogue, tls) {
    this.host = host;
    this.address = address;
    this.steps = Array.isArray(dialogue) ? dialogue.map(([said, answer]) => [bytesOf(said), bytesOf(answer)]) : null;
    this.answer = Buffer.from(this.steps === null ? bytesOf(dialogue) : []);
    this.said = Buffer.alloc(0);
    this.tls = tls;
    this.advance();
  }

  advance() {
    while (this.steps?.length && this.said.equals(this.steps[0][0])) {
      this.answer = Buffer.concat([this.answer, this.steps.shift()[1]]);
      this.said = Buffer.alloc(0);
    }
  }

  write(data) {
    this.host.note(this.address, data);
    if (this.steps === null) {
      return;
    }
    this.said = Buffer.concat([this.said, data]);
    this.advance();
    const expected = Buffer.from(this.steps[0]?.[0] ?? []);
    if (!expected.subarray(0, this.said.length).equals(this.said)) {
      const [wanted, got] = [expected, this.said].map((part) => JSON.stringify(part.toString()));
      this.host.wrong(`${this.address}: ${wanted} was to be written, not ${got}`);
    }
  }

  writeSecret(prefix, secret, suffix) {
    this.write(Buffer.concat([prefix, encoder.encode(secret.reveal()), suffix]));
  }

  read(max) {
    const taken = this.answer.subarray(0, max);
    this.answer = this.answer.subarray(taken.length);
    return new Uint8Array(taken);
  }

  readUntil(delimiter, max) {
    const at = this.answer.indexOf(Buffer.from(delimiter));
    if (at < 0 && this.answer.length < max) {
      fail("unavailable", `${this.address}: the connection was closed`);
    }
    if (at < 0 || at + delimiter.length > max) {
      fail("protocol", `${this.address}: no delimiter in ${max} bytes`);
    }
    return this.read(at + delimiter.length);
  }

  readExact(count) {
    if (this.answer.length < count) {
      fail("unavailable", `${this.address}: the connection was closed`);
    }
    return this.read(count);
  }

  startTls(profile) {
    this.tls = profile;
  }

  session() {
    return this.tls === null
      ? null
      : { version: "TLS 1.3", cipher: "TLS_AES_256_GCM_SHA384", certificates: [] };
  }

  peer() {
    return this.address.replace(/:[0-9]+$/, "").replace(/^\[|\]$/g, "");
  }
}

class Socket {
  constructor(host, address) {
    this.host = host;
    this.address = address;
    this.pending = 0;
  }

  send(data) {
    this.host.note(this.address, data);
    this.pending++;
  }

  receive(max) {
    const datagrams = this.host.datagrams.get(this.address) ?? [];
    if (this.pending === 0 || datagrams.length === 0) {
      fail("timeout");
    }
    this.pending--;
    return bytesOf(datagrams.shift()).subarray(0, max);
  }
}
