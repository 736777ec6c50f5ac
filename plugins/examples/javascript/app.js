// Makes metrics of any API that answers with JSON; the job says which members are what.

import { exporter, http, log, secrets } from "./narthex-sdk/index.js";
import { parsePath, walk } from "./path.js";

/** One job. */
class Json {
  constructor(config) {
    this.config = config;
    // Read once: a path that is none shows when the plugin starts, not at each scrape.
    this.metrics = config.metrics.map((metric) => ({
      name: metric.name,
      help: metric.help ?? "",
      type: metric.type ?? "gauge",
      members: parsePath(metric.path),
      value: parsePath(metric.value ?? ""),
      values: metric.values ?? {},
      labels: Object.entries(metric.labels ?? {}).map(([name, text]) => [name, parseLabel(text)]),
    }));
  }

  collect(target, batch) {
    const document = this.read(target);
    for (const metric of this.metrics) {
      const family = batch.family(metric.type, metric.name, metric.help);
      let skipped = 0;
      for (const { value, keys } of walk(document, metric.members)) {
        const [found] = walk(value, metric.value);
        const number = numberOf(found?.value, metric.values);
        if (number === null) {
          skipped++;
          continue;
        }
        const labels = metric.labels.map(([name, label]) => [name, label(value, keys)]);
        family.sample(number, Object.fromEntries(labels));
      }
      if (skipped > 0) {
        log.debug("members without a number were left out", { metric: metric.name, skipped });
      }
    }
  }

  read(target) {
    const { path = "/", headers = {}, token_secret: token, tls = null } = this.config;
    const scheme = tls === null ? "http" : "https";
    const url = this.config.url ?? `${scheme}://${target.address}${path}`;
    const all = { Accept: "application/json", ...headers };
    if (token) {
      all.Authorization = http.bearer(secrets.get(token));
    }
    return http.get(url, { headers: all, tls }).expect().json();
  }
}

/** `'text'`, `$1`, or a path. */
function parseLabel(text) {
  const literal = /^'(.*)'$/.exec(text);
  if (literal) {
    return () => literal[1];
  }
  const key = /^\$([1-9])$/.exec(text);
  if (key) {
    return (_, keys) => keys[key[1] - 1] ?? "";
  }
  const steps = parsePath(text);
  return (member) => {
    const [found] = walk(member, steps);
    const value = found?.value ?? "";
    return typeof value === "object" ? JSON.stringify(value) : value;
  };
}

/** A number, a truth value or a text as a number; null where it is none. */
function numberOf(value, values) {
  if (typeof value === "string" && Object.hasOwn(values, value)) {
    return values[value];
  }
  if (typeof value === "string" ? value.trim() === "" : !["number", "boolean"].includes(typeof value)) {
    return null;
  }
  const number = Number(value);
  return Number.isNaN(number) && value !== "NaN" ? null : number;
}

export const { lifecycle, collector } = exporter(Json);
