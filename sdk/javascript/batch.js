// Samples under construction: every text once, every number in a flat list. Numbers are kept in typed
// arrays, which cross the boundary forty times faster than arrays.

import { host } from "#host";
import { valid } from "./text.js";

const NAME = "__name__";
const KINDS = ["unknown", "counter", "gauge", "histogram", "summary", "info", "stateset"];

/**
 * What one collection brings. Families come in the order in which they are first named; a name that
 * comes again is the same family, so its samples may be written whenever they turn up.
 */
export class Batch {
  constructor() {
    this.families = new Map();
    // An object without a prototype is looked up faster than a Map.
    this.index = Object.create(null);
    this.index[""] = 0;
    this.symbols = [""];
    this.values = new Float64Array(64);
    this.counts = new Uint32Array(64);
    this.length = 0;
    this.labels = new Uint32Array(256);
    this.used = 0;
    this.current = null;
    this.times = null;
  }

  /** A family of a type by its name: `gauge`, `counter`, `unknown`, and as below. */
  family(kind, name, help = "", unit = "") {
    let family = this.families.get(name);
    if (family === undefined) {
      if (!KINDS.includes(kind)) {
        throw new TypeError(`${name}: there is no metric type ${JSON.stringify(kind)}`);
      }
      family = new Family(this, kind, String(name), String(help), String(unit));
      this.families.set(name, family);
    }
    return family;
  }

  /** A family of gauges. */
  gauge(name, help, unit) {
    return this.family("gauge", name, help, unit);
  }

  /** A family of counters; the name is whole, `_total` included. */
  counter(name, help, unit) {
    return this.family("counter", name, help, unit);
  }

  /** A family that does not say what it is. */
  unknown(name, help, unit) {
    return this.family("unknown", name, help, unit);
  }

  /** A family whose samples are 1 and whose labels say something; the name is whole. */
  info(name, help) {
    return this.family("info", name, help);
  }

  /** A family of histograms: see `Family.buckets`. */
  histogram(name, help, unit) {
    return this.family("histogram", name, help, unit);
  }

  /** A family of summaries: see `Family.quantiles`. */
  summary(name, help, unit) {
    return this.family("summary", name, help, unit);
  }

  /** A batch of the contract as one that can be read: what a test compares. */
  static fromWit(batch) {
    return Object.assign(new Batch(), { toWit: () => batch });
  }

  /** The samples as text, one `name{label="value"} number` a line: what a test compares. */
  toText() {
    const { symbols, families, labelCounts, labels, values } = this.toWit();
    let [text, sample, label] = ["", 0, 0];
    for (const family of families) {
      for (let i = 0; i < family.samples; i++) {
        let name = symbols[family.name];
        const pairs = [];
        for (let j = 0; j < labelCounts[sample]; j++) {
          const [key, value] = [symbols[labels[label]], symbols[labels[label + 1]]];
          label += 2;
          if (key === NAME) {
            name = value;
          } else {
            pairs.push(`${key}=${quoted(value)}`);
          }
        }
        const number = String(values[sample]).replace("Infinity", "Inf").replace(/^I/, "+I");
        text += `${name}${pairs.length ? `{${pairs.join(",")}}` : ""} ${number}\n`;
        sample++;
      }
    }
    return text;
  }

  /** The batch as it crosses the boundary. */
  toWit() {
    this.enter(null);
    const all = [...this.families.values()];
    const families = all.map((family) => ({
      name: this.symbol(family.name),
      help: this.symbol(family.help),
      unit: this.symbol(family.unit),
      kind: family.kind,
      samples: family.parts.reduce((sum, part) => sum + part.end - part.start, 0),
    }));
    // Texts that are not Unicode would end the instance; asking once for all costs next to nothing.
    const isUnicode = this.symbols.join("").isWellFormed?.() ?? false;
    const batch = {
      symbols: isUnicode ? this.symbols : this.symbols.map(valid),
      families,
      labelCounts: this.counts.subarray(0, this.length),
      labels: this.labels.subarray(0, this.used),
      values: this.values.subarray(0, this.length),
      timestamps: this.timestamps(),
    };
    return all.some((family) => family.parts.length > 1) ? inOrder(batch, all) : batch;
  }

  // A family writes a run of samples; which runs are whose is noted when another begins.
  enter(family) {
    const last = this.current?.parts.at(-1);
    if (last) {
      last.end = this.length;
      last.labelsEnd = this.used;
    }
    this.current = family;
    family?.parts.push({ start: this.length, end: 0, labels: this.used, labelsEnd: 0 });
  }

  symbol(text) {
    let index = this.index[text];
    if (index === undefined) {
      index = this.index[text] = this.symbols.length;
      this.symbols[index] = text;
    }
    return index;
  }

  timestamps() {
    if (this.times === null) {
      return [];
    }
    const now = this.times.size < this.length ? host.clock.now() : 0;
    return Array.from({ length: this.length }, (_, i) => this.times.get(i) ?? now);
  }
}

/** The same batch with the samples of each family side by side. */
function inOrder(batch, families) {
  const parts = families.flatMap((family) => family.parts);
  const joined = (list, start, end) => {
    const whole = new list.constructor(list.length);
    let at = 0;
    for (const part of parts) {
      const run = list.slice(part[start], part[end]);
      for (let i = 0; i < run.length; i++) {
        whole[at++] = run[i];
      }
    }
    return whole;
  };
  return {
    ...batch,
    labelCounts: joined(batch.labelCounts, "start", "end"),
    labels: joined(batch.labels, "labels", "labelsEnd"),
    values: joined(batch.values, "start", "end"),
    timestamps: joined(batch.timestamps, "start", "end"),
  };
}

/** A family under construction. */
export class Family {
  constructor(batch, kind, name, help, unit) {
    this.batch = batch;
    this.kind = kind;
    this.name = name;
    this.help = help;
    this.unit = unit;
    this.parts = [];
  }

  /**
   * Adds a sample. Label values that are no texts become such by `String`. `options.suffix` goes to
   * the end of the family's name; `options.timestampMs` is its time: where one sample of a batch has
   * one, those without have the time of the collection.
   */
  sample(value, labels, options) {
    const batch = this.batch;
    if (batch.current !== this) {
      batch.enter(this);
    }
    if (typeof value !== "number") {
      value = number(value);
    }
    const index = batch.index;
    let flat = batch.labels;
    const before = batch.used;
    let used = before;
    if (options !== undefined) {
      used = this.extras(options);
      flat = batch.labels;
    }
    for (const key in labels) {
      if (used + 2 > flat.length) {
        flat = batch.labels = grown(flat);
      }
      let text = labels[key];
      if (typeof text !== "string") {
        text = String(text);
      }
      let symbol = index[key];
      flat[used] = symbol === undefined ? batch.symbol(key) : symbol;
      symbol = index[text];
      flat[used + 1] = symbol === undefined ? batch.symbol(text) : symbol;
      used += 2;
    }
    const at = batch.length;
    if (at === batch.values.length) {
      batch.values = grown(batch.values);
      batch.counts = grown(batch.counts);
    }
    batch.values[at] = value;
    batch.counts[at] = (used - before) >> 1;
    batch.length = at + 1;
    batch.used = used;
    return this;
  }

  /**
   * For many samples with the same label names, in half the time: what it returns has
   * `sample(value, ...labelValues)`.
   */
  with(...names) {
    return new Row(this, names);
  }

  /**
   * Adds a histogram. `buckets` are pairs of an upper bound and how many observations were at or
   * below it; the bucket of Infinity is `count` where it is not there.
   */
  buckets(buckets, { sum, count, labels = {} }) {
    const sorted = [...buckets].sort(([one], [other]) => one - other);
    if (sorted.at(-1)?.[0] !== Infinity) {
      sorted.push([Infinity, count]);
    }
    for (const [bound, total] of sorted) {
      this.sample(total, { ...labels, le: written(bound) }, { suffix: "_bucket" });
    }
    this.sample(sum, labels, { suffix: "_sum" });
    return this.sample(count, labels, { suffix: "_count" });
  }

  /** Adds a summary. `quantiles` are pairs of a quantile, such as 0.99, and its value. */
  quantiles(quantiles, { sum, count, labels = {} }) {
    for (const [quantile, value] of [...quantiles].sort(([one], [other]) => one - other)) {
      this.sample(value, { ...labels, quantile: written(quantile) });
    }
    this.sample(sum, labels, { suffix: "_sum" });
    return this.sample(count, labels, { suffix: "_count" });
  }

  // Writes the sample's own name and time; where its labels go on.
  extras({ suffix = "", timestampMs }) {
    const batch = this.batch;
    if (timestampMs !== undefined && timestampMs !== null) {
      batch.times ??= new Map();
      batch.times.set(batch.length, Math.trunc(timestampMs));
    }
    if (suffix === "") {
      return batch.used;
    }
    if (batch.used + 2 > batch.labels.length) {
      batch.labels = grown(batch.labels);
    }
    batch.labels[batch.used] = batch.symbol(NAME);
    batch.labels[batch.used + 1] = batch.symbol(this.name + suffix);
    return batch.used + 2;
  }
}

/** A family with label names that stay. */
class Row {
  constructor(family, names) {
    this.family = family;
    this.names = names.map((name) => family.batch.symbol(String(name)));
  }

  /** Adds a sample with a value for each label name. */
  sample(value, ...texts) {
    const family = this.family;
    const batch = family.batch;
    if (batch.current !== family) {
      batch.enter(family);
    }
    const names = this.names;
    const count = names.length;
    if (texts.length !== count) {
      throw new TypeError(`${family.name}: ${count} label values were expected, not ${texts.length}`);
    }
    if (typeof value !== "number") {
      value = number(value);
    }
    let used = batch.used;
    if (used + 2 * count > batch.labels.length) {
      batch.labels = grown(batch.labels, used + 2 * count);
    }
    const flat = batch.labels;
    const index = batch.index;
    const symbols = batch.symbols;
    for (let i = 0; i < count; i++) {
      let text = texts[i];
      if (typeof text !== "string") {
        text = String(text);
      }
      let symbol = index[text];
      if (symbol === undefined) {
        symbol = index[text] = symbols.length;
        symbols[symbol] = text;
      }
      flat[used] = names[i];
      flat[used + 1] = symbol;
      used += 2;
    }
    const at = batch.length;
    if (at === batch.values.length) {
      batch.values = grown(batch.values);
      batch.counts = grown(batch.counts);
    }
    batch.values[at] = value;
    batch.counts[at] = count;
    batch.length = at + 1;
    batch.used = used;
    return this;
  }
}

/** A value that is no number becomes one, if it can: a text, a bigint, a boolean. */
function number(value) {
  const converted = typeof value === "string" && value.trim() === "" ? NaN : Number(value ?? "-");
  if (Number.isNaN(converted) && value !== "NaN") {
    throw new TypeError(`${String(value)} is not a number`);
  }
  return converted;
}

/** A bound as Prometheus' clients write it: `1.0`, `0.005`, `+Inf`. */
function written(bound) {
  if (bound === Infinity) {
    return "+Inf";
  }
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
}

function grown(list, least = 0) {
  const larger = new list.constructor(Math.max(4 * list.length, least));
  larger.set(list);
  return larger;
}

function quoted(text) {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
