"""Datagrams to and from granted hosts and ports. A socket ends with the call that opened it, or at
the end of its ``with``.
"""

from __future__ import annotations

from typing import Any

from . import _wit
from .errors import call

#: The largest datagram.
DATAGRAM_BYTES_MAX = 65535


class Socket:
    """A socket that talks with one host and port."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def send(self, data: bytes) -> None:
        """Sends one datagram."""
        call(self._handle.send, bytes(data))

    def receive(self, max: int = DATAGRAM_BYTES_MAX) -> bytes:
        """The next datagram, cut off after ``max`` bytes."""
        return call(self._handle.receive, max)

    def close(self) -> None:
        """Ends the socket; it is of no use after that."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.__exit__(None, None, None)

    def __enter__(self) -> Socket:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def connect(host: str, port: int) -> Socket:
    """A socket for this host and port."""
    return Socket(call(_wit.udp.connect, host, port))
