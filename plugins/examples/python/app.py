"""Reads an Apache web server: the page of mod_status that is meant for machines."""

from __future__ import annotations

import re

from narthex_sdk import Batch, Exporter, ProtocolError, Target, export, http, secrets

# Lines of the page that are one sample each: type, name, labels, factor, help.
FIELDS: dict[str, list[tuple[str, str, dict[str, str], float, str]]] = {
    "Total Accesses": [
        ("counter", "apache_accesses_total", {}, 1, "Requests that were served.")
    ],
    "Total kBytes": [
        ("counter", "apache_sent_kilobytes_total", {}, 1, "Kilobytes that were sent.")
    ],
    "Total Duration": [
        ("counter", "apache_duration_ms_total", {}, 1, "Time spent on requests, in milliseconds.")
    ],
    "Uptime": [("counter", "apache_uptime_seconds_total", {}, 1, "Time since the start.")],
    "ParentServerConfigGeneration": [
        ("gauge", "apache_generation", {"type": "config"}, 1, "How often it was restarted.")
    ],
    "ParentServerMPMGeneration": [
        ("gauge", "apache_generation", {"type": "mpm"}, 1, "How often it was restarted.")
    ],
    "BusyWorkers": [("gauge", "apache_workers", {"state": "busy"}, 1, "Workers by state.")],
    "IdleWorkers": [("gauge", "apache_workers", {"state": "idle"}, 1, "Workers by state.")],
    "GracefulWorkers": [("gauge", "apache_workers", {"state": "graceful"}, 1, "Workers by state.")],
    "Processes": [("gauge", "apache_processes", {"state": "all"}, 1, "Processes by state.")],
    "Stopping": [("gauge", "apache_processes", {"state": "stopping"}, 1, "Processes by state.")],
}
CONNECTIONS = {
    "ConnsTotal": "total",
    "ConnsAsyncWriting": "writing",
    "ConnsAsyncKeepAlive": "keepalive",
    "ConnsAsyncClosing": "closing",
}
LOADS = {"Load1": "1min", "Load5": "5min", "Load15": "15min"}
CPU = {
    "CPUUser": "user",
    "CPUSystem": "system",
    "CPUChildrenUser": "children_user",
    "CPUChildrenSystem": "children_system",
}
SCOREBOARD = {
    "_": "idle",
    "S": "startup",
    "R": "read",
    "W": "reply",
    "K": "keepalive",
    "D": "dns",
    "C": "closing",
    "L": "logging",
    "G": "graceful_stop",
    "I": "idle_cleanup",
    ".": "open_slot",
}
for line, state in CONNECTIONS.items():
    FIELDS[line] = [
        ("gauge", "apache_connections", {"state": state}, 1, "Connections by state.")
    ]
for line, interval in LOADS.items():
    FIELDS[line] = [
        ("gauge", "apache_load", {"interval": interval}, 1, "The machine's load average.")
    ]
for line, kind in CPU.items():
    FIELDS[line] = [
        ("counter", "apache_cpu_time_ms_total", {"type": kind}, 1000, "CPU time, in milliseconds.")
    ]


@export
class Apache(Exporter):
    """One job."""

    def collect(self, target: Target, batch: Batch) -> None:
        page = self.read(target)
        for line, value in page.items():
            for kind, name, labels, factor, text in FIELDS.get(line, ()):
                batch.family(kind, name, text).sample(number(line, value) * factor, labels)
        if "Scoreboard" not in page:
            raise ProtocolError("the page has no scoreboard: its address has to end in ?auto")
        board = batch.gauge("apache_scoreboard", "Slots of workers by what they do.")
        for letter, state in SCOREBOARD.items():
            board.sample(page["Scoreboard"].count(letter), {"state": state})
        server = page.get("ServerVersion", "")
        version = re.search(r"Apache/([0-9.]+)", server)
        info = {"version": server, "mpm": page.get("ServerMPM", "")}
        batch.gauge("apache_info", "The server; always 1.").sample(1, info)
        if version:
            # As apache_exporter has it: 2.4.57 is 2.457.
            major, _, rest = version[1].partition(".")
            digits = float(f"{major}.{rest.replace('.', '')}")
            batch.gauge("apache_version", "The server's version as a number.").sample(digits)

    def read(self, target: Target) -> dict[str, str]:
        """The lines of the page: ``Name: value``."""
        scheme = "https" if "tls" in self.config else "http"
        url = self.config.get("url") or f"{scheme}://{target.address}/server-status?auto"
        headers: dict[str, http.Header] = {}
        if host := self.config.get("host"):
            headers["Host"] = host
        if name := self.config.get("password_secret"):
            headers["Authorization"] = http.Basic(self.config.get("user", ""), secrets.get(name))
        text = http.get(url, headers, tls=self.config.get("tls")).expect(200).text()
        lines = (line.partition(": ") for line in text.splitlines())
        return {name: value for name, colon, value in lines if colon}


def number(line: str, value: str) -> float:
    """A value of the page."""
    try:
        return float(value)
    except ValueError:
        raise ProtocolError(f"{line} is not a number: {value[:80]}") from None
