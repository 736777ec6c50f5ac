// What a plugin is, and how it meets the contract.

import { Batch } from "./batch.js";
import { ConfigError, PluginError, describe, toWit } from "./errors.js";
import { Stored } from "./http.js";
import * as log from "./log.js";
import { encode, valid } from "./text.js";

/** What is to be read. */
export class Target {
  constructor(address, labels = {}, params = {}) {
    /** Host and port, as in the label `__address__`. */
    this.address = address;
    /** The target's labels after relabelling, without those that begin with `__`. */
    this.labels = labels;
    /** The job's URL parameters: a list of values each. */
    this.params = params;
  }

  /** The address' host; an IPv6 address without its brackets. */
  get host() {
    return hostAndPort(this.address).host;
  }

  /** The address' port, or a ConfigError. */
  get port() {
    return hostAndPort(this.address).port;
  }
}

/** The two parts of an address; an IPv6 address stands in brackets and comes without them. */
export function hostAndPort(address) {
  const [, name, port] = /^(.*):([0-9]{1,5})$/.exec(address) ?? [];
  if (name === undefined || Number(port) > 65535) {
    throw new ConfigError(`the address ${JSON.stringify(address)} is not host:port`);
  }
  return { host: name.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

/** Samples as text, or its bytes, in a format that the host reads. */
export class Exposition {
  constructor(body, contentType = "text/plain; version=0.0.4") {
    this.body = body;
    this.contentType = contentType;
  }
}

/** Not this time; with a number, not before so many seconds. */
export class Retry {
  constructor(afterSeconds = null) {
    this.afterSeconds = afterSeconds;
  }
}

/** Never: the other side refuses it, for this reason. */
export class Rejected {
  constructor(reason) {
    this.reason = reason;
  }
}

/**
 * An exporter: a class with `collect(target, batch)`, which writes the samples of a target into the
 * batch, or returns another batch, an `Exposition`, or what `http.fetch` returned. What it throws is a
 * failed scrape. What it returns is to be exported: `lifecycle` and `collector`.
 */
export function exporter(Plugin) {
  const world = begin(Plugin, "collect");
  const read = (target) => {
    const batch = new Batch();
    const params = {};
    for (const [name, value] of target.params) {
      (params[name] ??= []).push(value);
    }
    const whole = new Target(target.address, Object.fromEntries(target.labels), params);
    return world.plugin().collect(whole, batch) ?? batch;
  };
  return {
    lifecycle: world.lifecycle,
    collector: { collect: (target) => guard(() => payload(read(target))) },
  };
}

/**
 * A discovery plugin: a class with `refresh()`, which returns all groups that there are:
 * `{source, targets, labels}`, each target an address, or labels with `__address__` among them.
 */
export function discovery(Plugin) {
  const world = begin(Plugin, "refresh");
  const group = ({ source, targets, labels = {} }) => ({
    source: text(source),
    targets: targets.map((t) => pairs(typeof t === "string" ? { __address__: t } : t)),
    labels: pairs(labels),
  });
  return {
    lifecycle: world.lifecycle,
    discoverer: { refresh: () => guard(() => Array.from(world.plugin().refresh(), group)) },
  };
}

/**
 * A receiver of alerts: a class with `notify(notification)`, which returns nothing where it was
 * delivered, or a `Retry` or `Rejected`. After an UnavailableError or OutOfTimeError it is tried again,
 * after anything else that is thrown it is not.
 */
export function receiver(Plugin) {
  const world = begin(Plugin, "notify");
  return {
    lifecycle: world.lifecycle,
    notifier: {
      notify: (record) => guard(() => outcome(world.plugin().notify(notification(record)))),
    },
  };
}

function begin(Plugin, method) {
  if (typeof Plugin?.prototype?.[method] !== "function") {
    throw new TypeError(`the plugin is a class with a method ${method}`);
  }
  let current = null;
  const plugin = () => {
    if (current === null) {
      throw new ConfigError("the plugin is not initialised");
    }
    return current;
  };
  const lifecycle = {
    init: (config) => guard(() => void (current = new Plugin(settings(config)))),
    reconfigure: (config) =>
      guard(() => Boolean(current?.reconfigure?.(settings(config)) ?? false)),
    health: () => {
      try {
        const message = plugin().health?.() ?? null;
        return { ready: message === null, message: text(message ?? "") };
      } catch (thrown) {
        return { ready: false, message: text(describe(thrown)) };
      }
    },
    shutdown: () => {
      try {
        current?.shutdown?.();
      } catch (thrown) {
        log.error("shutdown threw", { text: describe(thrown) });
      }
    },
  };
  return { plugin, lifecycle };
}

function settings(config) {
  const value = config.trim() === "" ? {} : JSON.parse(config) ?? {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new ConfigError("plugin_config is not a mapping");
  }
  return value;
}

/** What is thrown becomes the contract's error. What says nothing to it is a fault of the plugin. */
function guard(act) {
  try {
    return notPromise(act());
  } catch (thrown) {
    if (!(thrown instanceof PluginError)) {
      log.error("the plugin threw", { text: describe(thrown), at: places(thrown) });
    }
    throw toWit(thrown);
  }
}

/** The contract has no promises: an async method would look as if it had done its work. */
function notPromise(result) {
  if (typeof result?.then === "function") {
    throw new TypeError("a plugin's methods are not async");
  }
  return result;
}

/** Places of an error that the log names; the outer ones beyond are left out. */
const PLACES_MAX = 16;

/** Where an error comes from, the innermost place first. */
function places(thrown) {
  const lines = String(thrown?.stack ?? "").split("\n").map((line) => line.trim());
  return lines.filter((line) => line.startsWith("at ")).slice(0, PLACES_MAX).join(", ");
}

function payload(read) {
  notPromise(read);
  if (read instanceof Batch) {
    return { tag: "batch", val: read.toWit() };
  }
  if (read instanceof Stored) {
    return { tag: "response", val: read.handle };
  }
  if (read instanceof Exposition) {
    const body = typeof read.body === "string" ? encode(read.body) : read.body;
    return { tag: "exposition", val: [read.contentType, body] };
  }
  throw new TypeError(`collect returned ${describe(read)}`.replace("thrown: ", ""));
}

function text(value) {
  return valid(String(value));
}

function pairs(labels) {
  return Object.entries(labels).map(([name, value]) => [text(name), text(value)]);
}

function outcome(result) {
  notPromise(result);
  if (result === undefined || result === null) {
    return { tag: "delivered" };
  }
  if (result instanceof Retry) {
    return { tag: "retry", val: result.afterSeconds };
  }
  if (result instanceof Rejected) {
    return { tag: "rejected", val: text(result.reason) };
  }
  throw new TypeError("notify returned neither nothing nor a Retry nor a Rejected");
}

function notification(record) {
  return {
    groupKey: record.groupKey,
    receiver: record.receiver,
    groupLabels: Object.fromEntries(record.groupLabels),
    commonLabels: Object.fromEntries(record.commonLabels),
    commonAnnotations: Object.fromEntries(record.commonAnnotations),
    externalUrl: record.externalUrl,
    truncated: record.truncated,
    alerts: record.alerts.map((alert) => ({
      firing: alert.firing,
      fingerprint: alert.fingerprint,
      labels: Object.fromEntries(alert.labels),
      annotations: Object.fromEntries(alert.annotations),
      startsAtMs: Number(alert.startsAt),
      endsAtMs: alert.endsAt === null || alert.endsAt === undefined ? null : Number(alert.endsAt),
      generatorUrl: alert.generatorUrl,
    })),
  };
}
