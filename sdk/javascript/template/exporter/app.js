// Reads a memcached server: sends `stats`, and makes metrics of some lines of the answer.

import { ProtocolError, exporter, tcp } from "./narthex-sdk/index.js";

/** One job; its fields live from scrape to scrape. */
class Plugin {
  constructor(config) {
    // The job's plugin_config; its schema is in plugin.toml.
    this.prefix = config.prefix ?? "{{identifier}}";
  }

  collect(target, batch) {
    const stats = readStats(target);
    if (stats.has("version")) {
      batch.gauge(`${this.prefix}_info`, "The server's version; always 1.")
        .sample(1, { version: stats.get("version") });
    }
    if (stats.has("curr_connections")) {
      batch.gauge(`${this.prefix}_connections`, "Open connections.")
        .sample(stats.get("curr_connections"));
    }
    const commands = batch.counter(`${this.prefix}_commands_total`, "Commands by name.");
    for (const command of ["get", "set", "flush", "touch"]) {
      if (stats.has(`cmd_${command}`)) {
        commands.sample(stats.get(`cmd_${command}`), { command });
      }
    }
  }
}

/** Lines such as `STAT curr_connections 10`, up to `END`. */
function readStats(target) {
  const stats = new Map();
  const connection = tcp.connect(target.host, target.port);
  connection.write("stats\r\n");
  for (;;) {
    const line = connection.readLine();
    if (line === "END") {
      connection.close();
      return stats;
    }
    const [, name, value] = /^STAT (\S+) (.*)$/.exec(line) ?? [];
    if (name === undefined) {
      throw new ProtocolError(`stats: not expected: ${line}`);
    }
    stats.set(name, value);
  }
}

export const { lifecycle, collector } = exporter(Plugin);
