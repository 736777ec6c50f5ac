"""Small blobs that outlive a call, an instance, a new version of the plugin and a restart of the
host. They belong to one job.
"""

from __future__ import annotations

import json
from typing import Any

from . import _wit
from .errors import call


def get(key: str) -> bytes | None:
    """The blob, if there is one."""
    return call(_wit.state.get, key)


def set(key: str, value: bytes) -> None:
    """Keeps a blob. An empty one takes the key away."""
    call(_wit.state.set, key, bytes(value))


def get_json(key: str, default: Any = None) -> Any:
    """A value that :func:`set_json` kept. What cannot be read, because another version of the plugin
    wrote it, is the default.
    """
    blob = get(key)
    try:
        return default if blob is None else json.loads(blob)
    except ValueError:
        return default


def set_json(key: str, value: Any) -> None:
    """Keeps a value as JSON."""
    set(key, json.dumps(value, separators=(",", ":")).encode())
