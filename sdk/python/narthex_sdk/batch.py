"""Samples under construction: every text once, every number in a flat list."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Optional

from . import _wit, clock
from .errors import valid

Labels = Optional[Mapping[str, Any]]

_NAME = "__name__"
_TIMESTAMP_MAX = 2**63 - 1


class Batch:
    """What one collection brings.

    Families come in the order in which they are first named; a name that comes again is the same
    family, so its samples may be written whenever they turn up.
    """

    __slots__ = ("_symbols", "_families")

    def __init__(self) -> None:
        self._symbols: dict[str, int] = {"": 0}
        self._families: dict[str, Family] = {}

    def family(self, kind: str, name: str, help: str = "", unit: str = "") -> Family:
        """A family of a type by its name: ``"gauge"``, ``"counter"``, ``"unknown"``,
        ``"histogram"``, ``"summary"``, ``"info"``, ``"stateset"``.
        """
        family = self._families.get(name)
        if family is None:
            family = self._families[name] = Family(self, kind, name, help, unit)
        return family

    def gauge(self, name: str, help: str = "", unit: str = "") -> Family:
        """A family of gauges."""
        return self.family("gauge", name, help, unit)

    def counter(self, name: str, help: str = "", unit: str = "") -> Family:
        """A family of counters; the name is whole, ``_total`` included."""
        return self.family("counter", name, help, unit)

    def unknown(self, name: str, help: str = "", unit: str = "") -> Family:
        """A family that does not say what it is."""
        return self.family("unknown", name, help, unit)

    def info(self, name: str, help: str = "") -> Family:
        """A family whose samples are 1 and whose labels say something; the name is whole."""
        return self.family("info", name, help)

    def histogram(self, name: str, help: str = "", unit: str = "") -> Family:
        """A family of histograms: see :meth:`Family.buckets`."""
        return self.family("histogram", name, help, unit)

    def summary(self, name: str, help: str = "", unit: str = "") -> Family:
        """A family of summaries: see :meth:`Family.quantiles`."""
        return self.family("summary", name, help, unit)

    def __len__(self) -> int:
        return sum(len(family._values) for family in self._families.values())

    def samples(self) -> Iterator[tuple[str, dict[str, str], float]]:
        """Name, labels and value of each sample, as they will cross."""
        texts = list(self._symbols)
        for family in self._families.values():
            at = 0
            for count, value in zip(family._counts, family._values):
                pairs = [texts[index] for index in family._labels[at : at + 2 * count]]
                at += 2 * count
                labels = dict(zip(pairs[::2], pairs[1::2]))
                yield labels.pop(_NAME, family.name), labels, value

    def to_text(self) -> str:
        """The samples as text, one ``name{label="value"} number`` a line: what a test compares."""
        lines = []
        for name, labels, value in self.samples():
            pairs = ",".join(f"{key}={_quoted(text)}" for key, text in labels.items())
            number = repr(value)
            number = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(number, number)
            lines.append(f"{name}{{{pairs}}} {number}" if pairs else f"{name} {number}")
        return "".join(line.removesuffix(".0") + "\n" for line in lines)

    def to_wit(self) -> Any:
        """The batch as it crosses the boundary."""
        symbol = self._symbol
        families, counts, labels, values = [], [], [], []
        is_timed = any(family._timestamps for family in self._families.values())
        timestamps: list[int] = []
        now = clock.now_ms() if is_timed else 0
        for family in self._families.values():
            families.append(
                _wit.types.Family(
                    symbol(family.name),
                    symbol(family.help),
                    symbol(family.unit),
                    getattr(_wit.types.MetricKind, family.kind.upper()),
                    len(family._values),
                )
            )
            counts += family._counts
            labels += family._labels
            values += family._values
            if is_timed:
                times = family._timestamps
                timestamps += [times.get(at, now) for at in range(len(family._values))]
        symbols = list(self._symbols)
        try:
            "".join(symbols).encode()
        except UnicodeEncodeError:
            symbols = [valid(text) for text in symbols]
        return _wit.types.Batch(symbols, families, counts, labels, values, timestamps)

    def _symbol(self, text: str) -> int:
        text = text if text.__class__ is str else str(text)
        return self._symbols.setdefault(text, len(self._symbols))


class Family:
    """A family under construction."""

    __slots__ = (
        "name",
        "help",
        "unit",
        "kind",
        "_symbols",
        "_counts",
        "_labels",
        "_values",
        "_timestamps",
    )

    def __init__(self, batch: Batch, kind: str, name: str, help: str, unit: str) -> None:
        if not hasattr(_wit.types.MetricKind, kind.upper()):
            raise ValueError(f"{name}: there is no metric type {kind!r}")
        self.name, self.help, self.unit, self.kind = name, help, unit, kind
        self._symbols = batch._symbols
        self._counts: list[int] = []
        self._labels: list[int] = []
        self._values: list[float] = []
        self._timestamps: dict[int, int] = {}

    def sample(
        self,
        value: float,
        labels: Labels = None,
        *,
        suffix: str = "",
        timestamp_ms: int | None = None,
    ) -> Family:
        """Adds a sample. It is named as the family is, with ``suffix`` at its end; label values
        that are no texts become such by ``str``. Where one sample of a batch has a time, those
        without have the time of the collection.
        """
        # float before anything is written: what is no number leaves the batch as it was.
        value = float(value)
        if timestamp_ms is not None:
            time_ms = min(max(int(timestamp_ms), -_TIMESTAMP_MAX), _TIMESTAMP_MAX)
            self._timestamps[len(self._values)] = time_ms
        symbols, flat, count = self._symbols, self._labels, 0
        if suffix:
            flat.append(symbols.setdefault(_NAME, len(symbols)))
            flat.append(symbols.setdefault(self.name + suffix, len(symbols)))
            count = 1
        if labels:
            count += len(labels)
            for key, text in labels.items():
                if text.__class__ is not str:
                    text = str(text)
                flat.append(symbols.setdefault(key, len(symbols)))
                flat.append(symbols.setdefault(text, len(symbols)))
        self._counts.append(count)
        self._values.append(value)
        return self

    def buckets(
        self,
        buckets: Mapping[float, float],
        *,
        sum: float,
        count: float,
        labels: Labels = None,
    ) -> Family:
        """Adds a histogram. ``buckets`` has, for each upper bound, how many observations were at
        or below it; the bucket ``+Inf`` is ``count`` where it is not there.
        """
        labels = dict(labels or {})
        for bound, total in sorted({**buckets, float("inf"): buckets.get(float("inf"), count)}.items()):
            self.sample(total, {**labels, "le": _bound(bound)}, suffix="_bucket")
        self.sample(sum, labels, suffix="_sum")
        return self.sample(count, labels, suffix="_count")

    def quantiles(
        self,
        quantiles: Mapping[float, float],
        *,
        sum: float,
        count: float,
        labels: Labels = None,
    ) -> Family:
        """Adds a summary. ``quantiles`` has the value of each quantile, such as ``0.99``."""
        labels = dict(labels or {})
        for quantile, value in sorted(quantiles.items()):
            self.sample(value, {**labels, "quantile": _bound(quantile)})
        self.sample(sum, labels, suffix="_sum")
        return self.sample(count, labels, suffix="_count")


def _bound(number: float) -> str:
    """A bound as Prometheus' clients write it: ``1.0``, ``0.005``, ``+Inf``."""
    return "+Inf" if number == float("inf") else repr(float(number))


def _quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
