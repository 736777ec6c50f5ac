// A plugin between the contract and its author's class.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Host } from "../fake.js";
import {
  ConfigError,
  Exposition,
  InternalError,
  OutOfTimeError,
  ProtocolError,
  Rejected,
  Retry,
  UnavailableError,
  clock,
  discovery,
  exporter,
  files,
  hostAndPort,
  http,
  icmp,
  kubernetes,
  log,
  names,
  receiver,
  secrets,
  state,
  tcp,
  udp,
} from "../index.js";
import { fromWit, toWit } from "../errors.js";

/** A module whose plugin does this. */
const doing = (collect) => exporter(class {
  collect(target, batch) {
    return collect(target, batch);
  }
});

test("whatever is thrown is an error of the contract", () => {
  const circle = {};
  circle.circle = circle;
  for (const [thrown, tag, val] of [
    [new ConfigError("port is missing"), "config", "port is missing"],
    [new UnavailableError("gone"), "unavailable", "gone"],
    [new OutOfTimeError("late"), "timeout", undefined],
    [new ProtocolError("not HTTP"), "protocol", "not HTTP"],
    [new TypeError("x is undefined"), "internal", "TypeError: x is undefined"],
    [new Error(), "internal", "Error"],
    ["a text", "internal", "thrown: a text"],
    [42, "internal", "thrown: 42"],
    [undefined, "internal", "thrown: undefined"],
    [{ a: 1 }, "internal", 'thrown: {"a":1}'],
    [circle, "internal", "something was thrown that has no text"],
    [Symbol("s"), "internal", "thrown: Symbol(s)"],
    [new Error("caf\udce9"), "internal", "Error: caf\uFFFD"],
  ]) {
    const error = toWit(thrown);
    assert.deepEqual([error.tag, error.val], [tag, val]);
    assert.equal(toWit(fromWit(error)).tag, tag);
  }
});

test("a mistake of the plugin is logged with its place", () => {
  const host = new Host();
  const module = doing((target) => target.none.at);
  assert.throws(() => host.collect(module), InternalError);
  const [{ level, message, fields }] = host.logged;
  assert.deepEqual([level, message], ["error", "the plugin threw"]);
  assert.match(fields.at, /plugin\.test\.js/);
});

test("an error of the host is not logged", () => {
  const host = new Host();
  assert.throws(() => host.collect(doing(() => tcp.connect("db", 1))), UnavailableError);
  assert.deepEqual(host.logged, []);
});

test("what is no result is an error", () => {
  assert.throws(() => new Host().collect(doing(() => 5)), /collect returned 5/);
  assert.throws(() => new Host().collect(doing(async () => {})), /not async/);
  assert.throws(() => exporter(class {}), /a class with a method collect/);
});

test("the target is handed over", () => {
  let seen;
  const target = { address: "[::1]:9", labels: { job: "x" }, params: { module: ["a", "b"] } };
  new Host().collect(doing((given) => void (seen = given)), { target });
  assert.deepEqual({ ...seen }, target);
  assert.deepEqual([seen.host, seen.port], ["::1", 9]);
  for (const address of ["a", "a:", "a:b", "a:70000", ""]) {
    assert.throws(() => hostAndPort(address), ConfigError);
  }
});

test("a plugin lives from call to call", () => {
  class Counting {
    constructor(config) {
      if (config.start === undefined) {
        throw new ConfigError("start is missing");
      }
      this.count = config.start;
    }

    reconfigure(config) {
      this.count = config.start;
      return true;
    }

    health() {
      return this.count === 0 ? "starting" : null;
    }

    collect(_, batch) {
      batch.counter("calls_total").sample(++this.count);
    }
  }
  const module = exporter(Counting);
  assert.deepEqual(module.lifecycle.health(), {
    ready: false,
    message: "ConfigError: the plugin is not initialised",
  });
  const host = new Host();
  const plugin = host.start(module, { start: 0 });
  assert.deepEqual(plugin.health(), { ready: false, message: "starting" });
  plugin.collect();
  assert.equal(plugin.collect().toText(), "calls_total 2\n");
  assert.equal(plugin.health().ready, true);
  assert.equal(plugin.reconfigure({ start: 7 }), true);
  assert.equal(plugin.collect().toText(), "calls_total 8\n");
  plugin.shutdown();
  assert.throws(() => host.start(exporter(Counting)), /start is missing/);
});

test("texts and stored responses pass as they are", () => {
  const read = new Host().collect(doing(() => new Exposition("a 1\n")));
  assert.equal(Buffer.from(read.body).toString(), "a 1\n");
  const host = new Host().response("http://a/metrics", "b 2\n", {
    headers: { "Content-Type": "text/plain" },
  });
  const stored = host.collect(doing(() => http.fetch("http://a/metrics")));
  assert.equal(Buffer.from(stored.body).toString(), "b 2\n");
  assert.equal(stored.contentType, "text/plain");
});

test("http", () => {
  const host = new Host().secret("token", "s3").response("http://a/x", { b: "é" });
  host.response("http://a/broken", "<", { status: 503 });
  host.run(() => {
    const token = secrets.get("token");
    assert.equal(`${token} ${JSON.stringify(token)}`, '<secret token> {"name":"token"}');
    const headers = { Authorization: http.bearer(token), X: http.basic("u", token), Y: "z" };
    const answer = http.get("http://a/x", { headers, timeoutMs: 2500, tls: "internal" });
    assert.deepEqual(answer.expect(200).json(), { b: "é" });
    const broken = http.get("http://a/broken");
    assert.throws(() => broken.json(), /not JSON/);
    assert.throws(() => broken.expect(), UnavailableError);
    assert.throws(() => http.post("http://a/x", "body"), /POST http:\/\/a\/x is not there/);
  });
  const [first, , last] = host.requests;
  assert.deepEqual(first.headers, { Authorization: "Bearer s3", X: "Basic u:s3", Y: "z" });
  assert.deepEqual([first.tls, first.timeoutMs, last.body], ["internal", 2500, "body"]);
});

test("tcp", () => {
  const dialogue = [["", "hello\r\n"], ["AUTH s3\r\n", "OK\r\n"], ["GET", new Uint8Array([0, 1])]];
  const host = new Host().secret("password", "s3").tcp("db:5", dialogue);
  host.run(() => {
    const connection = tcp.connect("db", 5);
    assert.equal(connection.readLine(), "hello");
    assert.equal(connection.session(), null);
    connection.startTls("internal");
    assert.equal(connection.session().version, "TLS 1.3");
    connection.writeSecret("AUTH ", secrets.get("password"), "\r\n");
    assert.equal(Buffer.from(connection.readUntil("\r\n")).toString(), "OK\r\n");
    connection.write("GET");
    assert.deepEqual([...connection.readExact(2)], [0, 1]);
    assert.equal(connection.read().length, 0);
    assert.equal(connection.peer(), "db");
    assert.throws(() => connection.readLine(), UnavailableError);
    connection.close();
  });
  assert.equal(host.written["db:5"], "AUTH s3\r\nGET");
});

test("a plugin that says something else fails the test", () => {
  const host = new Host().tcp("db:5", [["STATS", "x"]]);
  const module = doing(() => {
    try {
      tcp.connect("db", 5).write("QUIT");
    } catch {
      // As if nothing had been.
    }
  });
  assert.throws(() => host.collect(module), /"STATS" was to be written, not "QUIT"/);
});

test("a line has an end", () => {
  const host = new Host().tcp("db:5", "x".repeat(100));
  assert.throws(() => host.run(() => tcp.connect("db", 5).readLine(10)), /in 10 bytes/);
});

test("datagrams, names and echoes", () => {
  new Host().udp("ntp:123", "now").name("ntp", "10.0.0.1").run(() => {
    const socket = udp.connect("ntp", 123);
    socket.send("time?");
    assert.equal(Buffer.from(socket.receive()).toString(), "now");
    assert.throws(() => socket.receive(), OutOfTimeError);
    assert.deepEqual(names.resolve("ntp"), ["10.0.0.1"]);
    assert.deepEqual(icmp.ping("ntp"), { address: "10.0.0.1", seconds: 0.001 });
  });
});

test("files, state, log and clock", () => {
  const host = new Host({ nowMs: 5 }).file("/proc/uptime", "5 4\n").file("/proc/net/dev", "x");
  host.run(() => {
    assert.equal(files.readText("/proc/uptime"), "5 4\n");
    assert.deepEqual(files.entries("/proc"), ["net", "uptime"]);
    assert.throws(() => files.read("/proc/none"), UnavailableError);
    assert.equal(state.getJson("seen"), null);
    state.setJson("seen", { a: 1 });
    assert.deepEqual(state.getJson("seen"), { a: 1 });
    state.set("seen", new Uint8Array([0x7b]));
    assert.equal(state.getJson("seen", 0), 0);
    state.set("seen", new Uint8Array());
    assert.equal(state.get("seen"), null);
    log.warn("slow", { seconds: 3 });
    assert.deepEqual([clock.now(), clock.monotonic(), clock.remaining()], [5, 5, 10_000]);
  });
  assert.deepEqual(host.logged, [{ level: "warn", message: "slow", fields: { seconds: "3" } }]);
});

test("the kernel tells how it disciplines the clock", () => {
  new Host().run(() => assert.throws(() => clock.discipline(), UnavailableError));
  new Host().timex({ state: 5, offset: -7 }).run(() => {
    const { state, offset, tai } = clock.discipline();
    assert.deepEqual([state, offset, tai], [5, -7, 0]);
  });
});

const pod = (name, ip) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace: "default", name },
  status: { podIP: ip },
});

test("watches become groups", () => {
  const module = discovery(class {
    constructor() {
      this.watch = kubernetes.watch("v1", "Pod");
    }

    *refresh() {
      for (const { metadata, status } of this.watch.update()) {
        const labels = { pod: metadata.name };
        yield { source: metadata.name, targets: [`${status.podIP}:80`], labels };
      }
    }
  });
  const host = new Host().object(pod("b", "10.0.0.2")).object(pod("a", "10.0.0.1"));
  const plugin = host.start(module);
  const group = (name, ip) => ({
    source: name,
    targets: [{ __address__: `${ip}:80` }],
    labels: { pod: name },
  });
  assert.deepEqual(plugin.refresh(), [group("a", "10.0.0.1"), group("b", "10.0.0.2")]);
  host.object(pod("a", ""), "deleted").object(pod("b", "10.0.0.3"), "modified");
  assert.deepEqual(plugin.refresh(), [group("b", "10.0.0.3")]);
});

test("outcomes of a notification", () => {
  const alert = {
    firing: true,
    fingerprint: "0".repeat(16),
    labels: { alertname: "Down" },
    annotations: {},
    startsAtMs: 1000,
    endsAtMs: null,
    generatorUrl: "",
  };
  const notification = {
    groupKey: "{}",
    receiver: "chat",
    groupLabels: {},
    commonLabels: { alertname: "Down" },
    commonAnnotations: {},
    externalUrl: "",
    truncated: 0,
    alerts: [alert],
  };
  for (const result of [null, new Retry(30), new Retry(), new Rejected("no such channel")]) {
    let seen;
    const module = receiver(class {
      notify(given) {
        seen = given;
        return result;
      }
    });
    assert.deepEqual(new Host().start(module).notify(notification), result);
    assert.deepEqual(seen, notification);
  }
});
