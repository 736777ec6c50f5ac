// Runs on your own machine: `node --test app.test.js`.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as app from "./app.js";
import { Host } from "./narthex-sdk/fake.js";
import { parsePath, walk } from "./path.js";

const document = {
  version: "1.2",
  healthy: true,
  state: "degraded",
  queues: [{ name: "mail", size: 3 }, { name: "sms", size: "4.5" }, { name: "odd", size: null }],
  regions: { "eu-1": { nodes: { a: 1, b: 2 } }, "us-1": { nodes: { c: 3 } } },
};

function samples(...metrics) {
  const host = new Host().response("http://api:80/", document);
  return host.collect(app, { target: "api:80", config: { metrics } }).toText();
}

test("members become samples", () => {
  for (const [metric, expected] of [
    [{ path: "healthy" }, "m 1\n"],
    [{ path: "version" }, "m 1.2\n"],
    [{ path: "state", values: { ok: 0, degraded: 1 } }, "m 1\n"],
    [{ path: "none.at.all" }, ""],
    [{ path: "constructor" }, ""],
    [
      { path: "queues[*]", value: "size", labels: { queue: "name", place: "$1", of: "'x'" } },
      'm{queue="mail",place="0",of="x"} 3\nm{queue="sms",place="1",of="x"} 4.5\n',
    ],
    [{ path: "queues[1].size" }, "m 4.5\n"],
    [
      { path: "regions[*].nodes[*]", labels: { region: "$1", node: "$2" } },
      'm{region="eu-1",node="a"} 1\nm{region="eu-1",node="b"} 2\nm{region="us-1",node="c"} 3\n',
    ],
    [{ path: 'regions["us-1"].nodes.c', type: "counter" }, "m 3\n"],
  ]) {
    assert.equal(samples({ name: "m", ...metric }), expected, metric.path);
  }
});

test("paths", () => {
  for (const [text, steps] of [
    ["", []],
    ["a", ["a"]],
    ["a.b-c[0][*].d", ["a", "b-c", 0, null, "d"]],
    ['["a.b"]["\\""]', ["a.b", '"']],
    ["[*]", [null]],
  ]) {
    assert.deepEqual(parsePath(text), steps);
  }
  for (const text of ["a..b", "a[", "a[x]", "a b.[", "[-1]"]) {
    assert.throws(() => parsePath(text), /is none from its character/, text);
  }
  assert.deepEqual(walk([1, 2], [null]).map(({ keys }) => keys), [["0"], ["1"]]);
});

test("what the operator wrote is sent", () => {
  const host = new Host().secret("api", "s3").response("http://gate/v1", "7");
  const config = {
    url: "http://gate/v1",
    headers: { "X-Org": "5" },
    token_secret: "api",
    metrics: [{ name: "m", path: "" }],
  };
  assert.equal(host.collect(app, { target: "api:80", config }).toText(), "m 7\n");
  assert.deepEqual(host.requests[0].headers, {
    Accept: "application/json",
    "X-Org": "5",
    Authorization: "Bearer s3",
  });
});

test("the path is the target's", () => {
  const host = new Host().response("https://api:443/status", "7");
  const config = { path: "/status", tls: "internal", metrics: [{ name: "m", path: "" }] };
  assert.equal(host.collect(app, { target: "api:443", config }).toText(), "m 7\n");
  assert.equal(host.requests[0].tls, "internal");
});

test("other answers are errors", () => {
  const config = { metrics: [{ name: "m", path: "a" }] };
  const target = "api:80";
  const html = new Host().response("http://api:80/", "<html>");
  assert.throws(() => html.collect(app, { target, config }), /not JSON/);
  const missing = new Host().response("http://api:80/", "", { status: 404 });
  assert.throws(() => missing.collect(app, { target, config }), /status 404/);
});
