// Runs on your own machine: `node --test app.test.js`.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as app from "./app.js";
import { Host } from "./narthex-sdk/fake.js";

const url = "http://lists/web";

test("lines become targets", () => {
  const plugin = new Host().response(url, "a:80\nb:80\n").start(app, { url });
  const targets = [{ __address__: "a:80" }, { __address__: "b:80" }];
  assert.deepEqual(plugin.refresh(), [{ source: url, targets, labels: { list: url } }]);
});

test("another status is an error", () => {
  const plugin = new Host().response(url, "", { status: 404 }).start(app, { url });
  assert.throws(() => plugin.refresh(), /status 404/);
});
