// The reader of Prometheus' text format.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Batch, ProtocolError, encode, exposition } from "../index.js";

const parsed = (text, options) => exposition.parse(text, new Batch(), options);

test("lines become samples", () => {
  for (const [line, expected] of [
    ["a 1", "a 1\n"],
    ["a{} 1", "a 1\n"],
    ['a{b="c"} 1.5e3', 'a{b="c"} 1500\n'],
    ['a{b="c",} 1', 'a{b="c"} 1\n'],
    ['a{b="c",d="e"} +Inf', 'a{b="c",d="e"} +Inf\n'],
    ['a { b = "c" , d = "e" } -Inf 100', 'a{b="c",d="e"} -Inf\n'],
    ['a{b="x\\\\y\\"z\\n}"} NaN', 'a{b="x\\\\y\\"z\\n}"} NaN\n'],
    ['a{b="} 1"} 2', 'a{b="} 1"} 2\n'],
    ['{"my.metric",b="c"} .5', 'my.metric{b="c"} 0.5\n'],
    ['a{"my.label"="c"} 1', 'a{my.label="c"} 1\n'],
    ['a_total 1 # {trace="x"} 2', "a_total 1\n"],
    ["# a comment", ""],
    ["", ""],
    ["# EOF", ""],
  ]) {
    assert.equal(parsed(line).toText(), expected, line);
    assert.equal(parsed(encode(line)).toText(), expected, line);
  }
});

test("what is no sample names its line", () => {
  for (const line of [
    "a",
    "a b",
    "a 0x10",
    "a 1_0",
    "a 1 2 3",
    "a{b} 1",
    'a{b="c} 1',
    'a{b="c"',
    "a{b=c} 1",
    'a{b="c"d="e"} 1',
    "a 1 x",
    "{} 1",
    "<html>",
  ]) {
    assert.throws(
      () => parsed(`ok 1\n${line}`),
      (error) => error instanceof ProtocolError && error.message.startsWith("line 2: "),
      line,
    );
  }
});

test("families keep their type, help and parts", () => {
  const { families, symbols } = parsed(
    "# HELP wait How long\\nit took.\n# TYPE wait histogram\n"
      + 'wait_bucket{le="+Inf"} 3\nwait_sum 2\nwait_count 3\nwait_max 9\n'
      + "# TYPE sent counter\n# UNIT sent bytes\nsent_total 5\nsent_created 1\n"
      + "# TYPE old untyped\nold 1\n",
  ).toWit();
  assert.deepEqual(
    families.map((f) => [symbols[f.name], f.kind, f.samples, symbols[f.help], symbols[f.unit]]),
    [
      ["wait", "histogram", 3, "How long\nit took.", ""],
      ["wait_max", "unknown", 1, "", ""],
      ["sent_total", "counter", 1, "", "bytes"],
      ["sent_created", "unknown", 1, "", ""],
      ["old", "unknown", 1, "", ""],
    ],
  );
});

test("families are chosen, labelled and renamed", () => {
  const options = { keep: (name) => name !== "c", labels: { x: "added" }, prefix: "p_" };
  const batch = parsed('a 1\nb{x="own"} 2\nc 3\n', options);
  assert.equal(batch.toText(), 'p_a{x="added"} 1\np_b{x="own"} 2\n');
});

test("times are kept", () => {
  assert.deepEqual(parsed("a 1 100\na 2 1.5").toWit().timestamps, [100, 1500]);
});

test("a text has so many lines at most", () => {
  assert.throws(() => parsed("\n".repeat(exposition.LINES_MAX + 1)), /more than/);
});
