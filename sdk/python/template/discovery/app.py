"""Finds targets in a list that a web server has: a line for each, ``host:port``."""

from narthex_sdk import Discovery, Group, export, http


@export
class Plugin(Discovery):
    """One job; its attributes live from call to call."""

    def __init__(self, config: dict) -> None:
        # `config` under plugin_sd_configs; its schema is in plugin.toml.
        self.url = config["url"]

    def refresh(self) -> list[Group]:
        lines = http.get(self.url).expect(200).text().split()
        return [Group(self.url, lines, {"list": self.url})]
