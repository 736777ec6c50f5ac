// Posts notifications to a web server, a line for each alert.

import { Rejected, Retry, http, receiver } from "./narthex-sdk/index.js";

/** One receiver; its fields live from call to call. */
class Plugin {
  constructor(config) {
    // The receiver's configuration; its schema is in plugin.toml.
    this.url = config.url;
  }

  notify(notification) {
    const lines = notification.alerts.map(({ firing, labels, annotations }) => {
      const state = firing ? "firing" : "resolved";
      return `${state} ${labels.alertname ?? ""} ${annotations.summary ?? ""}\n`;
    });
    const headers = { "Content-Type": "text/plain" };
    const { status } = http.post(this.url, lines.join(""), { headers });
    if (status < 300) {
      return null;
    }
    return status === 429 || status >= 500
      ? new Retry()
      : new Rejected(`${this.url}: status ${status}`);
  }
}

export const { lifecycle, notifier } = receiver(Plugin);
