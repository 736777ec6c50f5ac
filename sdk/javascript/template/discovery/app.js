// Finds targets in a list that a web server has: a line for each, `host:port`.

import { discovery, http } from "./narthex-sdk/index.js";

/** One job; its fields live from call to call. */
class Plugin {
  constructor(config) {
    // `config` under plugin_sd_configs; its schema is in plugin.toml.
    this.url = config.url;
  }

  refresh() {
    const lines = http.get(this.url).expect(200).text().split(/\s+/).filter(Boolean);
    return [{ source: this.url, targets: lines, labels: { list: this.url } }];
  }
}

export const { lifecycle, discoverer } = discovery(Plugin);
