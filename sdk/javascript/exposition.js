// Reads Prometheus' text format into a batch.
//
// A plugin that changes nothing need not read it: it hands the body on, as an `Exposition` or with
// `http.fetch`, and the host reads it faster. This is for those who choose, rename or add. It is not a
// reader of native histograms or exemplars: those are left out.

import { ProtocolError } from "./errors.js";
import { decode } from "./text.js";

/** The lines of one text; more are a ProtocolError. */
export const LINES_MAX = 1_000_000;

const LABEL = /\s*(?:([a-zA-Z_][a-zA-Z0-9_]*)|"((?:[^"\\]|\\.)*)")\s*(?:=\s*"((?:[^"\\]|\\.)*)"\s*)?([,}])/y;
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const NUMBER = /^[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|Inf|NaN)$/;
const IDENTIFIER = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const PLAIN = /^[-+.0-9eE]+$/;
const CLOSES = /\s*\}/y;
const KINDS = ["gauge", "counter", "histogram", "summary", "info", "stateset"];
// What the samples of a family may be called beside its name.
const PARTS = { histogram: ["_bucket", "_sum", "_count"], summary: ["_sum", "_count"] };
// OpenMetrics describes these without the suffix and writes their samples with it.
const WHOLE = { counter: "_total", info: "_info" };

/**
 * Adds the samples of a text, or of its bytes, to a batch. `keep` is asked for the name of each
 * family; `labels` are added to every sample where it has no such label of its own; `prefix` goes
 * before every name.
 */
export function parse(text, batch, { keep = null, labels = null, prefix = "" } = {}) {
  const lines = (typeof text === "string" ? text : decode(text)).split("\n");
  if (lines.length > LINES_MAX + 1) {
    throw new ProtocolError(`the text has more than ${LINES_MAX} lines`);
  }
  const described = new Map();
  const places = new Map();
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i].trim();
    if (line === "") {
      continue;
    }
    if (line[0] === "#") {
      describe(line, described);
      continue;
    }
    const sample = readPlain(line) ?? read(line, i + 1);
    let place = places.get(sample.name);
    if (place === undefined) {
      place = placeOf(sample.name, described, batch, keep, prefix);
      places.set(sample.name, place);
    }
    if (place.family !== null) {
      const own = labels === null ? sample.labels : { ...labels, ...sample.labels };
      place.family.sample(sample.value, own, optionsOf(place.suffix, sample.timestampMs));
    }
  }
  return batch;
}

function optionsOf(suffix, timestampMs) {
  return suffix === "" && timestampMs === null ? undefined : { suffix, timestampMs };
}

/** Takes note of a comment that is about a family. */
function describe(line, described) {
  const [, word, quoted, rest = ""] = /^#\s*(HELP|TYPE|UNIT)\s+(\S+)\s*(.*)$/.exec(line) ?? [];
  if (word === undefined) {
    return;
  }
  const name = quoted.replace(/^"(.*)"$/, "$1");
  const about = described.get(name) ?? {};
  described.set(name, about);
  about[word] = word === "HELP" ? unescaped(rest) : rest;
  if (word === "TYPE" && !KINDS.includes(rest)) {
    about.TYPE = "unknown";
  }
}

/** The family of a sample's name, and what the sample has at its end beside that. */
function placeOf(name, described, batch, keep, prefix) {
  let [base, suffix, about] = [name, "", described.get(name)];
  const at = name.lastIndexOf("_");
  if (about === undefined && at > 0) {
    const [start, end] = [name.slice(0, at), name.slice(at)];
    const near = described.get(start);
    if (PARTS[near?.TYPE]?.includes(end)) {
      [base, suffix, about] = [start, end, near];
    } else if (WHOLE[near?.TYPE] === end) {
      about = near;
    }
  }
  if (keep !== null && !keep(base)) {
    return { family: null, suffix };
  }
  const { TYPE = "unknown", HELP = "", UNIT = "" } = about ?? {};
  return { family: batch.family(TYPE, prefix + base, HELP, UNIT), suffix };
}

/**
 * The same for a line as nearly all are: without blanks, escapes, times and quoted names. Null for
 * any other. It looks for characters only, which costs a quarter of the expressions.
 */
function readPlain(line) {
  const brace = line.indexOf("{");
  let end = brace;
  const labels = {};
  if (brace >= 0) {
    let at = brace + 1;
    while (line[at] !== "}") {
      const equals = line.indexOf('="', at);
      end = line.indexOf('"', equals + 2);
      const key = line.slice(at, equals);
      const text = line.slice(equals + 2, end);
      if (equals < 0 || end < 0 || text.includes("\\") || !IDENTIFIER.test(key)) {
        return null;
      }
      labels[key] = text;
      at = end + 1;
      if (line[at] === ",") {
        at++;
      } else if (line[at] !== "}") {
        return null;
      }
      end = at;
    }
    end = at + 1;
  } else {
    end = line.indexOf(" ");
  }
  const name = line.slice(0, brace >= 0 ? brace : end);
  const number = line.slice(end + 1);
  const value = Number(number);
  const isPlain = value === value && number !== "" && line[end] === " " && PLAIN.test(number);
  return isPlain && IDENTIFIER.test(name) ? { name, labels, value, timestampMs: null } : null;
}

/** Name, labels, value and time of a line. */
function read(line, number) {
  const fault = (text) => new ProtocolError(`line ${number}: ${text}: ${line.slice(0, 200)}`);
  let name = NAME.exec(line)?.[0] ?? "";
  let rest = line.slice(name.length).trimStart();
  const labels = {};
  if (rest[0] === "{") {
    let at = 1;
    for (;;) {
      CLOSES.lastIndex = at;
      if (CLOSES.test(rest)) {
        rest = rest.slice(CLOSES.lastIndex);
        break;
      }
      LABEL.lastIndex = at;
      const match = LABEL.exec(rest);
      if (match === null) {
        throw fault('labels are not name="value"');
      }
      const [, key, quoted, text, end] = match;
      if (text !== undefined) {
        labels[key ?? unescaped(quoted)] = unescaped(text);
      } else if (quoted !== undefined && name === "") {
        // A name that is no identifier stands among the labels, in quotes.
        name = unescaped(quoted);
      } else {
        throw fault("a label without a value");
      }
      at = LABEL.lastIndex - (end === "}" ? 1 : 0);
    }
  }
  const fields = rest.split("#", 1)[0].trim().split(/\s+/);
  if (name === "" || fields[0] === "" || fields.length > 2) {
    throw fault("not a sample");
  }
  if (!NUMBER.test(fields[0])) {
    throw fault(`${fields[0].slice(0, 40)} is not a number`);
  }
  let timestampMs = null;
  if (fields.length === 2) {
    // OpenMetrics has seconds with a fraction, the older format milliseconds.
    timestampMs = Math.trunc(Number(fields[1]) * (fields[1].includes(".") ? 1000 : 1));
    if (!Number.isFinite(timestampMs)) {
      throw fault(`${fields[1].slice(0, 40)} is not a time`);
    }
  }
  return { name, labels, value: Number(fields[0].replace("Inf", "Infinity")), timestampMs };
}

function unescaped(text) {
  return text.includes("\\") ? text.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c)) : text;
}
