"""A host for unit tests: the files, answers and dialogues it was given, and nothing else.

Outside of a component every host interface of this package leads to the fake host that runs, and to
a denial where there is none::

    host = fake.Host().tcp("127.0.0.1:11211", [(b"stats\\r\\n", b"STAT threads 4\\r\\nEND\\r\\n")])
    assert host.collect(Memcached, "127.0.0.1:11211").to_text() == "memcached_threads 4\\n"
"""

from __future__ import annotations

import json
import os
import posixpath
from dataclasses import dataclass, fields
from typing import Any, Callable, Mapping, Optional, Sequence, Union

from . import _contract, errors
from .batch import Batch
from .http import Stored
from .plugin import (
    Collector,
    Discoverer,
    Exposition,
    Group,
    Lifecycle,
    Notification,
    Notifier,
    Plugin,
    Rejected,
    Retry,
    Target,
)

Bytes = Union[bytes, str]
#: Pairs of what the plugin is to write and what it reads then; or all that it can read, whatever it
#: writes. A first pair with nothing to write is a greeting.
Dialogue = Union[Bytes, Sequence[tuple[Bytes, Bytes]]]

_running: list[Host] = []


def current() -> Host:
    """The host that runs; one without anything where none does."""
    return _running[-1] if _running else Host()


def _fail(case: str, text: str) -> Exception:
    return _contract.Err(getattr(_contract.types, f"Error_{case}")(text))


def _bytes(data: Bytes) -> bytes:
    return data.encode() if isinstance(data, str) else bytes(data)


@dataclass
class Request:
    """A request that the plugin sent, its secrets filled in."""

    method: str
    url: str
    headers: dict[str, str]
    body: Optional[bytes]
    tls: Optional[str]


class Host:
    """What a plugin under test finds outside. Its methods return itself, to be chained."""

    def __init__(self, now_ms: int = 0) -> None:
        self.now_ms = now_ms
        #: What the plugin logged: level, message, fields.
        self.logged: list[tuple[str, str, dict[str, str]]] = []
        #: The requests that the plugin sent.
        self.requests: list[Request] = []
        #: What the plugin wrote to connections and sockets, by address.
        self.written: dict[str, bytes] = {}
        #: State blobs; they stay from one plugin to the next.
        self.state: dict[str, bytes] = {}
        self._timex: Any = None
        self._files: dict[str, bytes] = {}
        self._responses: dict[tuple[str, str], list[Any]] = {}
        self._dialogues: dict[str, list[Dialogue]] = {}
        self._datagrams: dict[str, list[bytes]] = {}
        self._secrets: dict[str, str] = {}
        self._names: dict[str, list[str]] = {}
        self._texts: Optional[Callable[[str, bool], str]] = None
        self._objects: dict[tuple[str, str], list[_Watch]] = {}
        self._stored: list[Any] = []
        self._mistake: Optional[AssertionError] = None

    # What there is.

    def file(self, path: str, content: Bytes) -> Host:
        """Adds a file; its folders are there then."""
        self._files[path] = _bytes(content)
        return self

    def timex(self, **numbers: int) -> Host:
        """Lets the kernel tell how it disciplines the clock; what is left out is 0."""
        record = _contract.clock.Timex
        self._timex = record(**{**{field.name: 0 for field in fields(record)}, **numbers})
        return self

    def response(
        self,
        url: str,
        body: Any = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> Host:
        """Answers requests; a body that is no text is written as JSON. Several for one URL answer
        one after the other, the last again and again.
        """
        body = _bytes(body) if isinstance(body, (str, bytes)) else json.dumps(body).encode()
        response = _contract.http.Response(status, list((headers or {}).items()), body)
        self._responses.setdefault((method, url), []).append(response)
        return self

    def tcp(self, address: str, dialogue: Dialogue) -> Host:
        """Lets a connection to ``host:port`` have this dialogue. Several for one address are for one
        connection after the other, the last again and again.
        """
        self._dialogues.setdefault(address, []).append(dialogue)
        return self

    def udp(self, address: str, *datagrams: bytes) -> Host:
        """Answers each datagram to ``host:port`` with the next of these."""
        self._datagrams.setdefault(address, []).extend(datagrams)
        return self

    def secret(self, name: str, text: str) -> Host:
        """Adds a secret."""
        self._secrets[name] = text
        return self

    def name(self, host: str, *addresses: str) -> Host:
        """Lets a name be resolved and answer to echo requests, in a millisecond."""
        self._names[host] = list(addresses)
        return self

    def texts(self, expand: Callable[[str, bool], str]) -> Host:
        """Expands texts by this function, which is told whether the text is HTML. Without it, what is
        no template stays as it is.
        """
        self._texts = expand
        return self

    def object(self, item: Mapping[str, Any], change: str = "ADDED") -> Host:
        """Lets watches of the object's kind see it; ``change`` is ADDED, MODIFIED or DELETED."""
        watch = _Watch(_contract.Change[change], dict(item))
        self._objects.setdefault((item["apiVersion"], item["kind"]), []).append(watch)
        return self

    # What a test does.

    def collect(
        self,
        plugin: type[Plugin],
        target: str | Target = "127.0.0.1:80",
        config: Mapping[str, Any] | None = None,
    ) -> Any:
        """Makes a plugin and reads a target with it, as the host would: its :class:`Batch`,
        :class:`Exposition`, or the body of the response that stayed with the host, as an
        Exposition. Raises the error that the host would get.
        """
        return self.start(plugin, config).collect(target)

    def start(self, plugin: type[Plugin], config: Mapping[str, Any] | None = None) -> Running:
        """Makes a plugin. Raises the error that the host would get."""
        lifecycle = type("Lifecycle", (Lifecycle,), {"plugin_class": plugin})()
        self._run(lifecycle.init, json.dumps(config or {}))
        return Running(self, lifecycle)

    def __enter__(self) -> Host:
        _running.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        _running.remove(self)

    def _run(self, function: Any, *args: Any) -> Any:
        try:
            with self:
                return function(*args)
        except _contract.Err as error:
            raise errors.from_wit(error.value) from None
        finally:
            if self._mistake is not None:
                mistake, self._mistake = self._mistake, None
                raise mistake

    def _wrong(self, text: str) -> Exception:
        """A plugin that does not do as the test says: it gets an error, and so does the test."""
        self._mistake = AssertionError(text)
        return _fail("Internal", text)

    # The contract's functions.

    def _log(self, level: Any, message: str, fields: list[tuple[str, str]]) -> None:
        self.logged.append((level.name.lower(), message, dict(fields)))

    def _now(self) -> int:
        return self.now_ms

    def _monotonic(self) -> int:
        return self.now_ms * 1_000_000

    def _remaining(self) -> int:
        return 10_000

    def _discipline(self) -> Any:
        if self._timex is None:
            raise _fail("Unavailable", "adjtimex: not supported")
        return self._timex

    def _secret(self, name: str) -> Any:
        if name not in self._secrets:
            raise _fail("Denied", f"the secret {name} is not granted")
        return _Secret(self._secrets[name])

    def _send(self, request: Any) -> Any:
        headers = {name: _header(value) for name, value in request.headers}
        self.requests.append(
            Request(request.method, request.url, headers, request.body, request.tls)
        )
        responses = self._responses.get((request.method, request.url))
        if not responses:
            raise _fail("Denied", f"{request.method} {request.url} is not there")
        return responses.pop(0) if len(responses) > 1 else responses[0]

    def _fetch(self, request: Any) -> Any:
        response = self._send(request)
        self._stored.append(response)
        kinds = [v for name, v in response.headers if name.lower() == "content-type"]
        kind = kinds[0] if kinds else ""
        return _contract.http.Stored(
            response.status, kind, len(response.body), len(self._stored) - 1
        )

    def _connect(self, host: str, port: int, tls: Optional[str]) -> Any:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        dialogues = self._dialogues.get(address)
        if not dialogues:
            raise _fail("Unavailable", f"{address}: connection refused")
        dialogue = dialogues.pop(0) if len(dialogues) > 1 else dialogues[0]
        return _Connection(self, address, dialogue, tls)

    def _udp(self, host: str, port: int) -> Any:
        return _Socket(self, f"{host}:{port}")

    def _ping(self, host: str, payload_bytes: int) -> Any:
        return _contract.icmp.Reply(self._resolve(host)[0], 1_000_000)

    def _resolve(self, host: str) -> list[str]:
        if host not in self._names:
            raise _fail("Unavailable", f"{host}: no such name")
        return self._names[host]

    def _expand(self, template: str, is_html: bool) -> str:
        if self._texts is not None:
            return self._texts(template, is_html)
        if "{{" in template:
            raise _fail("Internal", "the test's host has no templates: give it texts")
        return template

    def _read(self, path: str) -> bytes:
        if path not in self._files:
            raise _fail("Unavailable", f"{path}: no such file")
        return self._files[path]

    def _entries(self, path: str) -> list[str]:
        folder = path.rstrip("/") + "/"
        names = {name[len(folder) :].split("/")[0] for name in self._files if name.startswith(folder)}
        if not names:
            raise _fail("Unavailable", f"{path}: no such folder")
        return sorted(names)

    def _link(self, path: str) -> str:
        return posixpath.basename(os.fsdecode(self._read(path)))

    def _file_system(self, path: str) -> Any:
        return _contract.files.Capacity(1 << 30, 1 << 29, 1 << 28, 1000, 500, False)

    def _state_get(self, key: str) -> Optional[bytes]:
        return self.state.get(key)

    def _state_set(self, key: str, value: bytes) -> None:
        self.state[key] = value
        if not value:
            del self.state[key]

    def _open(self, version: str, kind: str, namespace: Any, selector: Any) -> Any:
        return _Events(self._objects.get((version, kind), []), namespace)


class Running:
    """A plugin that was made."""

    def __init__(self, host: Host, lifecycle: Lifecycle) -> None:
        self._host, self._lifecycle = host, lifecycle

    @property
    def plugin(self) -> Any:
        """The plugin itself."""
        return self._lifecycle.plugin

    def collect(self, target: str | Target = "127.0.0.1:80") -> Any:
        """As :meth:`Host.collect`."""
        target = Target(target) if isinstance(target, str) else target
        params = [(name, value) for name, values in target.params.items() for value in values]
        record = _contract.collector.Target(target.address, list(target.labels.items()), params)
        collector = _of(_Collector, self._lifecycle)
        self._host._run(collector.collect, record)
        if isinstance(collector.kept, Stored):
            response = self._host._stored[collector.kept.handle]
            return Exposition(response.body, collector.kept.content_type)
        return collector.kept

    def refresh(self) -> list[Group]:
        """The groups that a discovery plugin finds."""
        groups = self._host._run(_of(Discoverer, self._lifecycle).refresh)
        return [
            Group(group.source, [dict(target) for target in group.targets], dict(group.labels))
            for group in groups
        ]

    def notify(self, notification: Notification) -> Union[None, Retry, Rejected]:
        """What a receiver makes of a notification."""
        outcome = self._host._run(_of(Notifier, self._lifecycle).notify, _notification(notification))
        match type(outcome).__name__:
            case "Outcome_Retry":
                return Retry(outcome.value)
            case "Outcome_Rejected":
                return Rejected(outcome.value)
            case _:
                return None

    def reconfigure(self, config: Mapping[str, Any]) -> bool:
        """Whether the plugin takes another configuration."""
        return self._host._run(self._lifecycle.reconfigure, json.dumps(config))

    def health(self) -> Any:
        """``ready`` and ``message``."""
        return self._host._run(self._lifecycle.health)

    def shutdown(self) -> None:
        """The last call."""
        self._host._run(self._lifecycle.shutdown)


class _Collector(Collector):
    """Keeps what the plugin wrote before it becomes numbers."""

    kept: Any = None

    def read(self, target: Any) -> Any:
        self.kept = super().read(target)
        return self.kept


def _of(world: type, lifecycle: Lifecycle) -> Any:
    """An interface of the plugin that a lifecycle made."""
    return type(world.__name__, (world,), {"lifecycle": type(lifecycle)})()


def _notification(notification: Notification) -> Any:
    """The record of the contract: labels are pairs, and times have their names there."""
    pairs = {
        name: list(value.items()) if isinstance(value, dict) else value
        for name, value in vars(notification).items()
    }
    alerts = []
    for alert in notification.alerts:
        fields = {name.removesuffix("_ms"): value for name, value in vars(alert).items()}
        fields["labels"] = list(alert.labels.items())
        fields["annotations"] = list(alert.annotations.items())
        alerts.append(_contract.notifier.Alert(**fields))
    return _contract.notifier.Notification(**{**pairs, "alerts": alerts})


def _header(value: Any) -> str:
    match type(value).__name__:
        case "HeaderValue_Bearer":
            return f"Bearer {value.value.text}"
        case "HeaderValue_Basic":
            return f"Basic {value.value[0]}:{value.value[1].text}"
        case "HeaderValue_Secret":
            return value.value.text
        case _:
            return value.value


@dataclass
class _Secret:
    text: str

    def reveal(self) -> str:
        return self.text


class _Connection:
    def __init__(self, host: Host, address: str, dialogue: Dialogue, tls: Optional[str]) -> None:
        self._host, self._address = host, address
        if isinstance(dialogue, (bytes, str)):
            self._steps: Optional[list[tuple[bytes, bytes]]] = None
            self._answer = _bytes(dialogue)
        else:
            self._steps = [(_bytes(said), _bytes(answer)) for said, answer in dialogue]
            self._answer = b""
        self._said = b""
        self._tls = tls
        self._advance()

    def _advance(self) -> None:
        while self._steps and self._said == self._steps[0][0]:
            self._answer += self._steps.pop(0)[1]
            self._said = b""

    def write(self, data: bytes) -> None:
        written = self._host.written
        written[self._address] = written.get(self._address, b"") + data
        if self._steps is None:
            return
        self._said += data
        self._advance()
        expected = self._steps[0][0] if self._steps else b""
        if self._said and not expected.startswith(self._said):
            text = f"{self._address}: {expected!r} was to be written, not {self._said!r}"
            raise self._host._wrong(text)

    def write_secret(self, prefix: bytes, secret: Any, suffix: bytes) -> None:
        self.write(prefix + secret.text.encode() + suffix)

    def read(self, max: int) -> bytes:
        taken, self._answer = self._answer[:max], self._answer[max:]
        return taken

    def read_until(self, delimiter: bytes, max: int) -> bytes:
        at = self._answer.find(delimiter)
        if at < 0 and len(self._answer) < max:
            raise _fail("Unavailable", f"{self._address}: the connection was closed")
        if at < 0 or at + len(delimiter) > max:
            raise _fail("Protocol", f"{self._address}: no {delimiter!r} in {max} bytes")
        return self.read(at + len(delimiter))

    def read_exact(self, count: int) -> bytes:
        if len(self._answer) < count:
            raise _fail("Unavailable", f"{self._address}: the connection was closed")
        return self.read(count)

    def start_tls(self, profile: str, server_name: Optional[str]) -> None:
        self._tls = profile

    def session(self) -> Any:
        if self._tls is None:
            return None
        return _contract.tcp.TlsSession("TLS 1.3", "TLS_AES_256_GCM_SHA384", [])

    def peer(self) -> str:
        return self._address.rpartition(":")[0].strip("[]")

    def __exit__(self, *_: Any) -> None:
        self._answer, self._steps = b"", []


class _Socket:
    def __init__(self, host: Host, address: str) -> None:
        self._host, self._address = host, address
        self._pending = 0

    def send(self, data: bytes) -> None:
        written = self._host.written
        written[self._address] = written.get(self._address, b"") + data
        self._pending += 1

    def receive(self, max: int) -> bytes:
        datagrams = self._host._datagrams.get(self._address)
        if not datagrams or not self._pending:
            raise _contract.Err(_contract.types.Error_Timeout())
        self._pending -= 1
        return datagrams.pop(0)[:max]

    def __exit__(self, *_: Any) -> None:
        self._pending = 0


@dataclass
class _Watch:
    change: Any
    item: dict[str, Any]


class _Events:
    def __init__(self, seen: list[_Watch], namespace: Optional[str]) -> None:
        self._seen, self._namespace, self._at = seen, namespace, 0

    def drain(self, max: int) -> list[Any]:
        # What the test adds later is there at the next call.
        new = self._seen[self._at : self._at + max]
        self._at += len(new)
        return [
            _contract.kubernetes.Event(watch.change, json.dumps(watch.item))
            for watch in new
            if self._namespace in (None, watch.item.get("metadata", {}).get("namespace"))
        ]

    def synced(self) -> bool:
        return True
