"""The system's resolver, for granted hosts."""

from __future__ import annotations

from . import _wit
from .errors import call


def resolve(host: str) -> list[str]:
    """All addresses of a name."""
    return call(_wit.names.resolve, host)
