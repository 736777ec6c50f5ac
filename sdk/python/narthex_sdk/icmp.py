"""Echo requests to granted hosts."""

from __future__ import annotations

from dataclasses import dataclass

from . import _wit
from .errors import call


@dataclass(frozen=True)
class Reply:
    """The reply to an echo request."""

    #: Who answered.
    address: str
    seconds: float


def ping(host: str, payload_bytes: int = 56) -> Reply:
    """Sends one echo request with so many bytes in it and waits for its reply."""
    reply = call(_wit.icmp.ping, host, payload_bytes)
    return Reply(reply.address, reply.nanoseconds / 1_000_000_000)
