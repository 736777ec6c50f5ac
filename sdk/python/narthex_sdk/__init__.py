"""What the author of a plugin in Python uses.

Write a class, mark it with :func:`export`, and ``narthex plugin build`` makes a component of it::

    from narthex_sdk import Batch, Exporter, Target, export, files

    @export
    class Uptime(Exporter):
        def collect(self, target: Target, batch: Batch) -> None:
            seconds = files.read_text("/proc/uptime").split()[0]
            batch.gauge("uptime_seconds", "Time since boot.").sample(float(seconds))

Under plain CPython the same module runs against :mod:`narthex_sdk.fake`, so that a plugin is tested
with ``python3 -m unittest`` alone.

It is not: a metrics library for programs that measure themselves.
"""

from . import (
    clock,
    exposition,
    files,
    http,
    icmp,
    kubernetes,
    log,
    names,
    secrets,
    state,
    tcp,
    texts,
    udp,
)
from .batch import Batch, Family
from .errors import (
    ConfigError,
    DeniedError,
    Error,
    InternalError,
    OutOfTimeError,
    ProtocolError,
    UnavailableError,
)
from .plugin import (
    Alert,
    Discovery,
    Exporter,
    Exposition,
    Group,
    Notification,
    Receiver,
    Rejected,
    Retry,
    Target,
    export,
    host_and_port,
)

__all__ = [
    "Alert",
    "Batch",
    "ConfigError",
    "DeniedError",
    "Discovery",
    "Error",
    "Exporter",
    "Exposition",
    "Family",
    "Group",
    "InternalError",
    "Notification",
    "OutOfTimeError",
    "ProtocolError",
    "Receiver",
    "Rejected",
    "Retry",
    "Target",
    "UnavailableError",
    "clock",
    "export",
    "exposition",
    "files",
    "host_and_port",
    "http",
    "icmp",
    "kubernetes",
    "log",
    "names",
    "secrets",
    "state",
    "tcp",
    "texts",
    "udp",
]
