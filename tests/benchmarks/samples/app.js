// The samples in JavaScript.

import { exporter } from "./narthex-sdk/index.js";

class Samples {
  constructor(config) {
    this.count = config.count;
  }

  collect(target, batch) {
    batch.gauge("samples_info", "What they are written in.").sample(1, { language: "javascript" });
    const family = batch.counter("samples_requests_total", "Requests.");
    for (let number = 0; number < this.count; number++) {
      const path = `/api/v1/path/${number}`;
      family.sample(number + 0.5, { code: "200", method: "get", path });
    }
  }
}

export const { lifecycle, collector } = exporter(Samples);
