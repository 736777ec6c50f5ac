"""TCP connections to granted hosts and ports. A connection ends with the call that opened it, or at
the end of its ``with``.
"""

from __future__ import annotations

from typing import Any, Optional

from . import _wit
from .errors import call
from .secrets import Secret

#: The longest line that :meth:`Connection.read_line` takes where it is not told otherwise.
LINE_BYTES_MAX = 64 * 1024


class Connection:
    """A connection, in the clear or in TLS."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def write(self, data: bytes | str) -> None:
        """Writes all of it; a text as UTF-8."""
        call(self._handle.write, data.encode() if isinstance(data, str) else bytes(data))

    def write_secret(self, prefix: bytes, secret: Secret, suffix: bytes = b"") -> None:
        """Writes a secret between two texts; the plugin does not see it."""
        call(self._handle.write_secret, bytes(prefix), secret._handle, bytes(suffix))

    def read(self, max: int = 65536) -> bytes:
        """Up to so many bytes, at least one; empty at the end of the stream."""
        return call(self._handle.read, max)

    def read_until(self, delimiter: bytes, max: int = LINE_BYTES_MAX) -> bytes:
        """Up to and with the delimiter. Raises ProtocolError for ``max`` bytes without it."""
        return call(self._handle.read_until, bytes(delimiter), max)

    def read_line(self, max: int = LINE_BYTES_MAX) -> str:
        """The next line, without its end; what is not UTF-8 becomes the replacement character."""
        line = self.read_until(b"\n", max)
        return line.rstrip(b"\r\n").decode("utf-8", "replace")

    def read_exact(self, count: int) -> bytes:
        """Exactly so many bytes."""
        return call(self._handle.read_exact, count)

    def start_tls(self, profile: str = "", server_name: str | None = None) -> None:
        """Goes on in TLS, for protocols that begin without. ``profile`` is the name of a TLS
        profile in the operator's configuration; ``server_name`` is the host that was connected to
        where there is none.
        """
        call(self._handle.start_tls, profile, server_name)

    def session(self) -> Optional[Any]:
        """``version``, ``cipher`` and ``certificates`` (in DER, the other side's own first); None
        as long as the connection is in the clear.
        """
        return self._handle.session()

    def peer(self) -> str:
        """The address at the other end, without its port."""
        return self._handle.peer()

    def close(self) -> None:
        """Ends the connection; it is of no use after that."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.__exit__(None, None, None)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def connect(host: str, port: int, tls: str | None = None) -> Connection:
    """Connects. ``tls`` is the name of a TLS profile in the operator's configuration; the empty
    name is the system's authorities and no client certificate; None is no TLS.
    """
    return Connection(call(_wit.tcp.connect, host, port, tls))
