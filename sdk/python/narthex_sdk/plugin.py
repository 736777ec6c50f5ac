"""What a plugin is: the classes that an author derives from, and how they meet the contract."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Sequence, TypeVar, Union

from . import _wit, log
from .batch import Batch
from .errors import ConfigError, Error, to_wit, valid
from .http import Stored

#: The places of an exception that the log names; the outer ones beyond are left out.
PLACES_MAX = 16


@dataclass(frozen=True)
class Target:
    """What is to be read."""

    #: Host and port, as in the label ``__address__``.
    address: str
    #: The target's labels after relabelling, without those that begin with ``__``.
    labels: dict[str, str] = field(default_factory=dict)
    #: The job's URL parameters.
    params: dict[str, list[str]] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The address' host; an IPv6 address without its brackets."""
        return host_and_port(self.address)[0]

    @property
    def port(self) -> int:
        """The address' port. Raises :class:`ConfigError` where there is none."""
        return host_and_port(self.address)[1]


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of an address; an IPv6 address stands in brackets and comes without them.

    Raises :class:`ConfigError` where there is no port.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"the address {address!r} is not host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)


@dataclass(frozen=True)
class Exposition:
    """Samples as text in a format that the host reads."""

    body: bytes
    content_type: str = "text/plain; version=0.0.4"


class Plugin:
    """What the plugins of all worlds have."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Called once, before anything else. ``config`` is what the operator wrote for this job; it
        fits the schema in the manifest.
        """
        self.config = config

    def reconfigure(self, config: dict[str, Any]) -> bool:
        """Another configuration; False: the host makes a new instance for it."""
        return False

    def health(self) -> Optional[str]:
        """Asked once, before the plugin is put to work: None, or why it is not ready."""
        return None

    def shutdown(self) -> None:
        """The last call of an instance that ends in peace."""


class Exporter(Plugin):
    """Reads targets."""

    def collect(
        self, target: Target, batch: Batch
    ) -> Union[None, Batch, Exposition, Stored]:
        """Reads one target and writes its samples into the batch; or returns another batch, a text,
        or a response that stayed with the host. An exception is a failed scrape: the target is
        down, with the exception's text as its last error.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Group:
    """Targets that have labels in common."""

    #: Names the group among those of its job: a group of the same source takes its place.
    source: str
    #: Each an address, or labels with ``__address__`` among them.
    targets: Sequence[Union[str, Mapping[str, str]]]
    #: Of all of them; a target's own come first.
    labels: Mapping[str, str] = field(default_factory=dict)


class Discovery(Plugin):
    """Finds targets."""

    def refresh(self) -> Sequence[Group]:
        """All groups that there are now. Called at an interval, and when a watch has events. After
        an exception the groups of the last call stay.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Alert:
    """An alert of a notification."""

    firing: bool
    #: 16 hexadecimal digits, the same for the same labels.
    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    #: Milliseconds since the Unix epoch.
    starts_at_ms: int
    #: None, as long as it fires.
    ends_at_ms: Optional[int]
    generator_url: str


@dataclass(frozen=True)
class Notification:
    """What is to be delivered."""

    group_key: str
    #: The receiver's name in the configuration.
    receiver: str
    group_labels: dict[str, str]
    common_labels: dict[str, str]
    common_annotations: dict[str, str]
    external_url: str
    #: Alerts that were left out.
    truncated: int
    alerts: list[Alert]


@dataclass(frozen=True)
class Retry:
    """Not this time; with a number, not before so many seconds."""

    after_seconds: Optional[int] = None


@dataclass(frozen=True)
class Rejected:
    """Never: the other side refuses it, for this reason."""

    reason: str


class Receiver(Plugin):
    """Delivers notifications."""

    def notify(self, notification: Notification) -> Union[None, Retry, Rejected]:
        """Delivers one notification; None is delivered. After :class:`UnavailableError` and
        :class:`OutOfTimeError` it is tried again, after any other exception it is not.
        """
        raise NotImplementedError


P = TypeVar("P", bound=type[Plugin])


def export(plugin: P) -> P:
    """Makes a class the module's plugin: a decorator for exactly one class of a module.

    It puts the classes that componentize-py looks for beside the decorated one.
    """
    # Plugins have a base class each, so that a mistake in it shows at build time.
    bases = [(Exporter, "Collector"), (Discovery, "Discoverer"), (Receiver, "Notifier")]
    found = [name for base, name in bases if issubclass(plugin, base)]
    if len(found) != 1:
        raise TypeError(f"{plugin.__name__} derives from one of Exporter, Discovery, Receiver")
    module = sys.modules[plugin.__module__]
    if hasattr(module, "Lifecycle"):
        raise TypeError(f"{plugin.__module__} exports a plugin already")
    lifecycle: type[Lifecycle] = type("Lifecycle", (Lifecycle,), {"plugin_class": plugin})
    setattr(module, "Lifecycle", lifecycle)
    setattr(module, found[0], type(found[0], (_WORLDS[found[0]],), {"lifecycle": lifecycle}))
    if _wit.IN_COMPONENT:
        from . import _component

        _component.prepare()
        lifecycle.start = staticmethod(_component.start)  # type: ignore[method-assign]
    return plugin


def _failed(error: BaseException) -> Exception:
    """The error that the host gets. An exception that says nothing to it leaves a trace in the log:
    it is a fault of the plugin.
    """
    if not isinstance(error, (Error, OSError, EOFError)):
        log.error(f"the plugin raised {type(error).__name__}", text=error, at=_places(error))
    return _wit.Err(to_wit(error))


def _places(error: BaseException) -> str:
    """Where an exception comes from, the innermost place first. The module ``traceback`` would look
    for the sources, and a component has no files.
    """
    places, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return ", ".join(reversed(places[-PLACES_MAX:]))


def _config(text: str) -> dict[str, Any]:
    config = json.loads(text) if text.strip() else {}
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise ConfigError("plugin_config is not a mapping")
    return config


class Lifecycle:
    """The contract's interface ``lifecycle``."""

    plugin_class: type[Plugin]
    plugin: Optional[Plugin] = None

    @staticmethod
    def start() -> None:
        """What is to be done before the plugin is made: nothing but in a component."""

    def init(self, config: str) -> None:
        """Makes the plugin."""
        try:
            self.start()
            type(self).plugin = self.plugin_class(_config(config))
        except BaseException as error:
            raise _failed(error) from None

    def reconfigure(self, config: str) -> bool:
        """Asks the plugin."""
        try:
            return bool(self.plugin is not None and self.plugin.reconfigure(_config(config)))
        except BaseException as error:
            raise _failed(error) from None

    def health(self) -> Any:
        """Asks the plugin."""
        status = _wit.exported("lifecycle").HealthStatus
        if self.plugin is None:
            return status(False, "not initialised")
        try:
            message = self.plugin.health()
            return status(message is None, "" if message is None else valid(str(message)))
        except BaseException as error:
            return status(False, valid(f"{type(error).__name__}: {error}"))

    def shutdown(self) -> None:
        """Tells the plugin."""
        try:
            if self.plugin is not None:
                self.plugin.shutdown()
        except BaseException as error:
            log.error("shutdown raised an exception", error=error)


class _World:
    """An interface beside the lifecycle."""

    lifecycle: type[Lifecycle]

    def _plugin(self) -> Any:
        plugin = self.lifecycle.plugin
        if plugin is None:
            raise ConfigError("the plugin is not initialised")
        return plugin


class Collector(_World):
    """The contract's interface ``collector``."""

    def collect(self, target: Any) -> Any:
        """Reads one target."""
        try:
            return _payload(self.read(target))
        except BaseException as error:
            raise _failed(error) from None

    def read(self, target: Any) -> Any:
        """What the plugin makes of a target of the contract."""
        params: dict[str, list[str]] = {}
        for name, value in target.params:
            params.setdefault(name, []).append(value)
        batch = Batch()
        whole = Target(target.address, dict(target.labels), params)
        read = self._plugin().collect(whole, batch)
        return batch if read is None else read


def _payload(read: Any) -> Any:
    types = _wit.types
    if isinstance(read, Batch):
        return types.Payload_Batch(read.to_wit())
    if isinstance(read, Stored):
        return types.Payload_Response(read.handle)
    if isinstance(read, Exposition):
        body = read.body.encode() if isinstance(read.body, str) else bytes(read.body)
        return types.Payload_Exposition((read.content_type, body))
    raise TypeError(f"collect returned a {type(read).__name__}")


class Discoverer(_World):
    """The contract's interface ``discoverer``."""

    def refresh(self) -> Any:
        """Finds all groups."""
        try:
            record = _wit.exported("discoverer").Group
            return [
                record(
                    valid(group.source),
                    [
                        _pairs({"__address__": target} if isinstance(target, str) else target)
                        for target in group.targets
                    ],
                    _pairs(group.labels),
                )
                for group in self._plugin().refresh()
            ]
        except BaseException as error:
            raise _failed(error) from None


def _pairs(labels: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(valid(str(name)), valid(str(value))) for name, value in labels.items()]


class Notifier(_World):
    """The contract's interface ``notifier``."""

    def notify(self, notification: Any) -> Any:
        """Delivers one notification."""
        try:
            outcome = self._plugin().notify(_notification(notification))
            types = _wit.exported("notifier")
            if outcome is None:
                return types.Outcome_Delivered()
            if isinstance(outcome, Retry):
                return types.Outcome_Retry(outcome.after_seconds)
            if isinstance(outcome, Rejected):
                return types.Outcome_Rejected(valid(str(outcome.reason)))
            raise TypeError(f"notify returned a {type(outcome).__name__}")
        except BaseException as error:
            raise _failed(error) from None


def _notification(record: Any) -> Notification:
    return Notification(
        record.group_key,
        record.receiver,
        dict(record.group_labels),
        dict(record.common_labels),
        dict(record.common_annotations),
        record.external_url,
        record.truncated,
        [
            Alert(
                alert.firing,
                alert.fingerprint,
                dict(alert.labels),
                dict(alert.annotations),
                alert.starts_at,
                alert.ends_at,
                alert.generator_url,
            )
            for alert in record.alerts
        ],
    )


_WORLDS: dict[str, type[_World]] = {
    "Collector": Collector,
    "Discoverer": Discoverer,
    "Notifier": Notifier,
}
