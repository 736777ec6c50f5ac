"""The plugin's log. The host adds plugin, version and job, cuts long lines, and lets only so many
through in one call. ``print`` becomes lines of the level info.
"""

from typing import Any

from . import _wit
from .errors import valid


def trace(message: str, /, **fields: Any) -> None:
    """A line of the level trace."""
    _log("TRACE", message, fields)


def debug(message: str, /, **fields: Any) -> None:
    """A line of the level debug."""
    _log("DEBUG", message, fields)


def info(message: str, /, **fields: Any) -> None:
    """A line of the level info."""
    _log("INFO", message, fields)


def warn(message: str, /, **fields: Any) -> None:
    """A line of the level warn."""
    _log("WARN", message, fields)


def error(message: str, /, **fields: Any) -> None:
    """A line of the level error."""
    _log("ERROR", message, fields)


def _log(level: str, message: str, fields: dict[str, Any]) -> None:
    pairs = [(name, valid(str(value))) for name, value in fields.items()]
    _wit.log.log(getattr(_wit.log.Level, level), valid(str(message)), pairs)


class Writer:
    """What stands in for standard output and standard error: each line is one of the log."""

    def __init__(self, level: str) -> None:
        self._level = level
        self._rest = ""

    def write(self, text: str) -> int:
        """Logs the lines that are whole and keeps the rest."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line:
                _log(self._level, line, {})
        return len(text)

    def flush(self) -> None:
        """Logs what has no end of line yet."""
        if self._rest:
            _log(self._level, self._rest, {})
        self._rest = ""
