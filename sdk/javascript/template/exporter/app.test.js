// Runs on your own machine: `node --test app.test.js`.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as app from "./app.js";
import { Host } from "./narthex-sdk/fake.js";

const stats = "STAT version 1.6.40\r\nSTAT curr_connections 10\r\nSTAT cmd_get 7\r\nEND\r\n";

test("stats become metrics", () => {
  const host = new Host().tcp("memcached:11211", [["stats\r\n", stats]]);
  const batch = host.collect(app, { target: "memcached:11211", config: { prefix: "m" } });
  assert.equal(
    batch.toText(),
    'm_info{version="1.6.40"} 1\nm_connections 10\nm_commands_total{command="get"} 7\n',
  );
});

test("another answer is an error", () => {
  const host = new Host().tcp("memcached:11211", "ERROR\r\n");
  assert.throws(() => host.collect(app, { target: "memcached:11211" }), /not expected: ERROR/);
});
