"""Posts notifications to a web server, a line for each alert."""

from narthex_sdk import Notification, Receiver, Rejected, Retry, export, http


@export
class Plugin(Receiver):
    """One receiver; its attributes live from call to call."""

    def __init__(self, config: dict) -> None:
        # The receiver's configuration; its schema is in plugin.toml.
        self.url = config["url"]

    def notify(self, notification: Notification) -> Retry | Rejected | None:
        lines = []
        for alert in notification.alerts:
            state = "firing" if alert.firing else "resolved"
            name, summary = alert.labels.get("alertname", ""), alert.annotations.get("summary", "")
            lines.append(f"{state} {name} {summary}\n")
        response = http.post(self.url, "".join(lines), {"Content-Type": "text/plain"})
        if response.status < 300:
            return None
        if response.status == 429 or response.status >= 500:
            return Retry()
        return Rejected(f"{self.url}: status {response.status}")
