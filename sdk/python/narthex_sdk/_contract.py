"""The contract in plain Python: what ``wit/v0.1`` is where there is no component.

Names and shapes are those that componentize-py generates; every function asks the fake host that
runs. Authors use :mod:`narthex_sdk.fake`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, make_dataclass
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

E = TypeVar("E")


@dataclass(frozen=True)
class Err(Generic[E], Exception):
    """A function's error."""

    value: E


def _host() -> Any:
    from . import fake

    return fake.current()


def _record(name: str, fields: str) -> type:
    return make_dataclass(name, fields.split())


def _cases(prefix: str, *names: str) -> dict[str, type]:
    return {f"{prefix}_{name}": _record(f"{prefix}_{name}", "value") for name in names}


class MetricKind(enum.Enum):
    """The types of metric families."""

    UNKNOWN = 0
    COUNTER = 1
    GAUGE = 2
    HISTOGRAM = 3
    SUMMARY = 4
    INFO = 5
    STATESET = 6


class Level(enum.Enum):
    """The levels of the log."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4


class Change(enum.Enum):
    """What happened to an object of Kubernetes."""

    ADDED = 0
    MODIFIED = 1
    DELETED = 2


types = SimpleNamespace(
    **_cases("Error", "Config", "Unavailable", "Denied", "Protocol", "Internal"),
    Error_Timeout=_record("Error_Timeout", ""),
    MetricKind=MetricKind,
    Family=_record("Family", "name help unit kind samples"),
    Batch=_record("Batch", "symbols families label_counts labels values timestamps"),
    **_cases("Payload", "Batch", "Exposition", "Response"),
)
lifecycle = SimpleNamespace(HealthStatus=_record("HealthStatus", "ready message"))
collector = SimpleNamespace(Target=_record("Target", "address labels params"))
discoverer = SimpleNamespace(Group=_record("Group", "source targets labels"))
notifier = SimpleNamespace(
    Alert=_record(
        "Alert", "firing fingerprint labels annotations starts_at ends_at generator_url"
    ),
    Notification=_record(
        "Notification",
        "group_key receiver group_labels common_labels common_annotations external_url"
        " truncated alerts",
    ),
    Outcome_Delivered=_record("Outcome_Delivered", ""),
    **_cases("Outcome", "Retry", "Rejected"),
)
log = SimpleNamespace(Level=Level, log=lambda *args: _host()._log(*args))
clock = SimpleNamespace(
    Timex=_record(
        "Timex",
        "state status offset frequency max_error estimated_error constant precision tolerance tick"
        " pps_frequency pps_jitter pps_shift pps_stability pps_jitter_exceeded pps_calibrations"
        " pps_errors pps_stability_exceeded tai",
    ),
    now=lambda: _host()._now(),
    monotonic=lambda: _host()._monotonic(),
    remaining=lambda: _host()._remaining(),
    discipline=lambda: _host()._discipline(),
)
secrets = SimpleNamespace(get=lambda name: _host()._secret(name))
http = SimpleNamespace(
    **_cases("HeaderValue", "Plain", "Bearer", "Basic", "Secret"),
    Request=_record("Request", "method url headers body timeout_ms tls"),
    Response=_record("Response", "status headers body"),
    Stored=_record("Stored", "status content_type length handle"),
    send=lambda request: _host()._send(request),
    fetch=lambda request: _host()._fetch(request),
)
tcp = SimpleNamespace(
    TlsSession=_record("TlsSession", "version cipher certificates"),
    connect=lambda host, port, tls: _host()._connect(host, port, tls),
)
udp = SimpleNamespace(connect=lambda host, port: _host()._udp(host, port))
icmp = SimpleNamespace(
    Reply=_record("Reply", "address nanoseconds"),
    ping=lambda host, payload_bytes: _host()._ping(host, payload_bytes),
)
texts = SimpleNamespace(
    expand=lambda template: _host()._expand(template, False),
    expand_html=lambda template: _host()._expand(template, True),
)
names = SimpleNamespace(resolve=lambda host: _host()._resolve(host))
files = SimpleNamespace(
    Capacity=_record(
        "Capacity", "bytes bytes_free bytes_available files files_free read_only"
    ),
    read=lambda path: _host()._read(path),
    entries=lambda path: _host()._entries(path),
    link=lambda path: _host()._link(path),
    file_system=lambda path: _host()._file_system(path),
)
state = SimpleNamespace(
    get=lambda key: _host()._state_get(key),
    set=lambda key, value: _host()._state_set(key, value),
)
kubernetes = SimpleNamespace(
    Change=Change,
    Event=_record("Event", "change object"),
    open=lambda *args: _host()._open(*args),
)
