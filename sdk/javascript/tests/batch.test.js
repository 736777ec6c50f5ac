// What becomes of samples on their way to the host.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Host } from "../fake.js";
import { Batch } from "../index.js";

test("every text is stored once", () => {
  const batch = new Batch();
  batch.gauge("disk_used", "Used.").sample(1, { disk: "a" }).sample(2.5, { disk: "b" });
  batch.counter("disk_used_total", "Used.").sample(3);
  assert.equal(
    batch.toText(),
    'disk_used{disk="a"} 1\ndisk_used{disk="b"} 2.5\ndisk_used_total 3\n',
  );
  const record = batch.toWit();
  assert.equal(record.symbols[0], "");
  assert.equal(new Set(record.symbols).size, record.symbols.length);
  assert.deepEqual([...record.labelCounts], [1, 1, 0]);
  assert.deepEqual([...record.labels].map((i) => record.symbols[i]), ["disk", "a", "disk", "b"]);
  assert.deepEqual([...record.values], [1, 2.5, 3]);
  assert.deepEqual(record.families.map((f) => [f.kind, f.samples]), [["gauge", 2], ["counter", 1]]);
  assert.deepEqual(record.timestamps, []);
});

test("samples of a family may come apart", () => {
  const batch = new Batch();
  for (const disk of ["a", "b"]) {
    batch.gauge("read").sample(1, { disk });
    batch.gauge("written").sample(2, { disk, more: "x" });
  }
  assert.equal(
    batch.toText(),
    'read{disk="a"} 1\nread{disk="b"} 1\n'
      + 'written{disk="a",more="x"} 2\nwritten{disk="b",more="x"} 2\n',
  );
  assert.deepEqual(batch.toWit().families.map((f) => f.samples), [2, 2]);
});

test("rows are samples with label names that stay", () => {
  const batch = new Batch();
  batch.gauge("a").sample(0).with("x", "y").sample(1, "p", 2).sample("3", "p", "q");
  assert.equal(batch.toText(), 'a 0\na{x="p",y="2"} 1\na{x="p",y="q"} 3\n');
  assert.throws(() => batch.gauge("a").with("x").sample(1), /1 label values were expected, not 0/);
});

test("many samples find room", () => {
  const batch = new Batch();
  const row = batch.gauge("row").with("a", "b", "c");
  for (let i = 0; i < 5000; i++) {
    batch.gauge("free").sample(i, { a: "x", b: `${i}` });
    row.sample(i, "x", "y", i);
  }
  const { values, labels, labelCounts, symbols } = batch.toWit();
  assert.deepEqual([values.length, labelCounts.length, labels.length], [10000, 10000, 50000]);
  assert.equal(values[4999], 4999);
  assert.equal(symbols[labels.at(-1)], "4999");
});

test("histograms and summaries are written in parts", () => {
  const batch = new Batch();
  batch.histogram("wait").buckets([[1, 3], [0.1, 1]], { sum: 2.5, count: 4, labels: { q: "x" } });
  batch.summary("size").quantiles(new Map([[0.5, 10], [0.99, 20]]), { sum: 100, count: 9 });
  assert.equal(
    batch.toText(),
    'wait_bucket{q="x",le="0.1"} 1\nwait_bucket{q="x",le="1.0"} 3\nwait_bucket{q="x",le="+Inf"} 4\n'
      + 'wait_sum{q="x"} 2.5\nwait_count{q="x"} 4\n'
      + 'size{quantile="0.5"} 10\nsize{quantile="0.99"} 20\nsize_sum 100\nsize_count 9\n',
  );
});

test("labels and values become what they have to be", () => {
  const batch = new Batch();
  batch.gauge("a").sample("1.5", { port: 80, note: 'say "\\\n', constructor: "x" });
  batch.gauge("b").sample(10n).sample(true).sample(Infinity).sample(-Infinity).sample(NaN);
  assert.equal(
    batch.toText(),
    'a{port="80",note="say \\"\\\\\\n",constructor="x"} 1.5\nb 10\nb 1\nb +Inf\nb -Inf\nb NaN\n',
  );
  for (const value of ["x", "", null, undefined, {}]) {
    assert.throws(() => batch.gauge("c").sample(value), TypeError);
  }
  assert.throws(() => batch.family("gague", "d"), /no metric type "gague"/);
});

test("what is not Unicode is replaced", () => {
  const batch = new Batch();
  batch.gauge("a").sample(1, { name: "caf\udce9" });
  assert.equal(batch.toText(), 'a{name="caf\uFFFD"} 1\n');
});

test("one time gives all samples one", () => {
  const batch = new Batch();
  batch.gauge("a").sample(1, {}, { timestampMs: 5 }).sample(2);
  const record = new Host({ nowMs: 7 }).run(() => batch.toWit());
  assert.deepEqual(record.timestamps, [5, 7]);
});
