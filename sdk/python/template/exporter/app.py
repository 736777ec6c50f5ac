"""Reads a memcached server: sends ``stats``, and makes metrics of some lines of the answer."""

from narthex_sdk import Batch, Exporter, ProtocolError, Target, export, tcp


@export
class Plugin(Exporter):
    """One job; its attributes live from scrape to scrape."""

    def __init__(self, config: dict) -> None:
        # The job's plugin_config; its schema is in plugin.toml.
        self.prefix = config.get("prefix", "{{identifier}}")

    def collect(self, target: Target, batch: Batch) -> None:
        stats = read_stats(target)
        if "version" in stats:
            info = batch.gauge(f"{self.prefix}_info", "The server's version; always 1.")
            info.sample(1, {"version": stats["version"]})
        if "curr_connections" in stats:
            connections = batch.gauge(f"{self.prefix}_connections", "Open connections.")
            connections.sample(float(stats["curr_connections"]))
        commands = batch.counter(f"{self.prefix}_commands_total", "Commands by name.")
        for command in ("get", "set", "flush", "touch"):
            if f"cmd_{command}" in stats:
                commands.sample(float(stats[f"cmd_{command}"]), {"command": command})


def read_stats(target: Target) -> dict[str, str]:
    """Lines such as ``STAT curr_connections 10``, up to ``END``."""
    stats: dict[str, str] = {}
    with tcp.connect(target.host, target.port) as connection:
        connection.write("stats\r\n")
        while (line := connection.read_line()) != "END":
            word, _, rest = line.partition(" ")
            name, _, value = rest.partition(" ")
            if word != "STAT":
                raise ProtocolError(f"stats: not expected: {line}")
            stats[name] = value
    return stats
