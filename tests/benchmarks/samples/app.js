// The samples in JavaScript.

import { exporter } from "./narthex-sdk/index.js";

class Samples {
  constructor(config) {
    this.count = config.count;
  }

  collect(target, batch) {
    batch.gauge("samples_info", "What they are written in.").sample(1, { language: "javascript" });
    const family = batch.counter("samples_requests_total", "Requests.");
    const row = family.with("code", "method", "path");
    for (let number = 0; number < this.count; number++) {
      row.sample(number + 0.5, "200", "get", `/api/v1/path/${number}`);
    }
  }
}

export const { lifecycle, collector } = exporter(Samples);
