"""What must not be known: a secret lies with the host under a name, and the plugin holds a handle
that it hands to :mod:`http <narthex_sdk.http>` and :mod:`tcp <narthex_sdk.tcp>`.
"""

from __future__ import annotations

from typing import Any

from . import _wit
from .errors import call


class Secret:
    """A secret. It prints without its text."""

    __slots__ = ("_handle", "name")

    def __init__(self, handle: Any, name: str) -> None:
        self._handle = handle
        self.name = name

    def reveal(self) -> str:
        """The text itself, for protocols that compute with it. The host counts these calls."""
        return call(self._handle.reveal)

    def __repr__(self) -> str:
        return f"<secret {self.name}>"


def get(name: str) -> Secret:
    """The secret of that name, where it is granted. Fetch it in each collection: then a secret that
    the operator changes is the new one.
    """
    return Secret(call(_wit.secrets.get, name), name)
