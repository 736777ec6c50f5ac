// Runs on your own machine: `node --test app.test.js`.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as app from "./app.js";
import { Host } from "./narthex-sdk/fake.js";

const url = "http://chat/post";
const alert = {
  firing: true,
  labels: { alertname: "Down" },
  annotations: { summary: "It is." },
};

test("alerts become lines", () => {
  const host = new Host().response(url, "", { method: "POST" });
  assert.equal(host.start(app, { url }).notify({ alerts: [alert] }), null);
  assert.equal(host.requests[0].body, "firing Down It is.\n");
});

test("the status decides whether it is tried again", () => {
  for (const [status, kind] of [[503, "Retry"], [404, "Rejected"]]) {
    const host = new Host().response(url, "", { status, method: "POST" });
    const outcome = host.start(app, { url }).notify({ alerts: [alert] });
    assert.equal(outcome.constructor.name, kind);
  }
});
