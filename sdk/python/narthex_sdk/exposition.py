"""Reads Prometheus' text format into a batch.

A plugin that changes nothing need not read it: it hands the body on, with
:class:`narthex_sdk.Exposition` or :func:`narthex_sdk.http.fetch`, and the host reads it faster. This
is for those who choose, rename or add. It is not a reader of native histograms or exemplars: those
are left out.
"""

from __future__ import annotations

import re
from typing import Callable, Mapping, Optional

from .batch import Batch, Family
from .errors import ProtocolError

#: The lines of one text; more are a ProtocolError.
LINES_MAX = 1_000_000

_LABEL = re.compile(
    r'\s*(?:([a-zA-Z_][a-zA-Z0-9_]*)|"((?:[^"\\]|\\.)*)")\s*(?:=\s*"((?:[^"\\]|\\.)*)"\s*)?([,}])'
)
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|Inf|NaN)$")
_PLAIN_NAME = _NAME.fullmatch
_PLAIN_NUMBER = re.compile(r"[-+.0-9eE]+").fullmatch
_ESCAPE = re.compile(r"\\(.)")
_KINDS = ("gauge", "counter", "histogram", "summary", "info", "stateset")
# What the samples of a family may be called beside its name.
_PARTS = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
# OpenMetrics describes these without the suffix and writes their samples with it.
_WHOLE = {"counter": "_total", "info": "_info"}


def parse(
    text: str | bytes,
    batch: Batch,
    *,
    keep: Optional[Callable[[str], bool]] = None,
    labels: Optional[Mapping[str, str]] = None,
    prefix: str = "",
) -> Batch:
    """Adds the samples of a text to a batch.

    ``keep`` is asked for the name of each family; ``labels`` are added to every sample where it has
    no such label of its own; ``prefix`` goes before every name.

    Raises :class:`ProtocolError`, with the line's number, for what is not the format.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if text.count("\n") > LINES_MAX:
        raise ProtocolError(f"the text has more than {LINES_MAX} lines")
    described: dict[str, dict[str, str]] = {}
    places: dict[str, tuple[Optional[Family], str]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line:
            continue
        if line[0] == "#":
            _describe(line, described)
            continue
        name, own, value, time_ms = _plain(line) or _sample(line, number)
        place = places.get(name)
        if place is None:
            base, suffix = _place(name, described)
            family = None
            if keep is None or keep(base):
                about = described.get(base)
                if about is None:
                    about = described.get(base.rpartition("_")[0], {})
                family = batch.family(
                    about.get("TYPE", "unknown"),
                    prefix + base,
                    about.get("HELP", ""),
                    about.get("UNIT", ""),
                )
            place = places[name] = family, suffix
        family, suffix = place
        if family is not None:
            own = {**labels, **own} if labels else own
            family.sample(value, own, suffix=suffix, timestamp_ms=time_ms)
    return batch


def _place(name: str, described: dict[str, dict[str, str]]) -> tuple[str, str]:
    """The family of a sample's name, and what the sample has at its end beside that."""
    if name not in described:
        base, underscore, part = name.rpartition("_")
        kind = described.get(base, {}).get("TYPE", "")
        if underscore + part in _PARTS.get(kind, ()):
            return base, underscore + part
        if underscore + part != _WHOLE.get(kind, "") and base in described:
            # `_created` and the like: a family of its own, of which nothing is said.
            described[name] = {}
    return name, ""


def _describe(line: str, described: dict[str, dict[str, str]]) -> None:
    """Takes note of a comment that is about a family."""
    parts = line[1:].strip().split(None, 2)
    if len(parts) < 2 or parts[0] not in ("HELP", "TYPE", "UNIT"):
        return
    name = parts[1].strip('"')
    rest = parts[2] if len(parts) > 2 else ""
    if parts[0] == "HELP":
        rest = _unescaped(rest)
    elif parts[0] == "TYPE" and rest not in _KINDS:
        rest = "unknown"
    described.setdefault(name, {})[parts[0]] = rest


def _plain(line: str) -> tuple[str, dict[str, str], float, None] | None:
    """The same as :func:`_sample` for a line as nearly all are: without blanks, escapes, times and
    quoted names. None for any other. It looks for characters only, which costs a third.
    """
    head, blank, number = line.rpartition(" ")
    name, brace, rest = head.partition("{")
    labels: dict[str, str] = {}
    if brace:
        if rest[-1:] != "}" or "\\" in rest:
            return None
        for pair in rest[:-1].removesuffix(",").split('",') if len(rest) > 1 else ():
            key, equals, text = pair.partition('="')
            if not equals or not key.isidentifier() or not key.isascii():
                return None
            labels[key] = text
        # The last one has its quote still; no other may have one.
        if labels:
            if text[-1:] != '"':
                return None
            labels[key] = text[:-1]
            if any('"' in text for text in labels.values()):
                return None
    if not blank or not _PLAIN_NAME(name) or not _PLAIN_NUMBER(number):
        return None
    try:
        return name, labels, float(number), None
    except ValueError:
        return None


def _sample(line: str, number: int) -> tuple[str, dict[str, str], float, int | None]:
    """Name, labels, value and time of a line."""
    match = _NAME.match(line)
    name = match[0] if match else ""
    rest = line[len(name) :].lstrip()
    labels: dict[str, str] = {}
    if rest.startswith("{"):
        at = 1
        while not rest[at:].lstrip().startswith("}"):
            match = _LABEL.match(rest, at)
            if match is None:
                raise ProtocolError(f'line {number}: labels are not name="value": {line[:200]}')
            key, quoted, text, end = match.groups()
            if text is not None:
                labels[_unescaped(quoted) if key is None else key] = _unescaped(text)
            elif quoted is not None and not name:
                # A name that is no identifier stands among the labels, in quotes.
                name = _unescaped(quoted)
            else:
                raise ProtocolError(f"line {number}: a label without a value: {line[:200]}")
            # The brace stays for the condition above.
            at = match.end() - (end == "}")
        rest = rest[rest.index("}", at) + 1 :]
    fields = rest.split("#", 1)[0].split()
    if not name or not fields or len(fields) > 2:
        raise ProtocolError(f"line {number}: not a sample: {line[:200]}")
    if not _NUMBER.match(fields[0]):
        raise ProtocolError(f"line {number}: {fields[0][:40]!r} is not a number")
    time_ms = None
    if len(fields) == 2:
        try:
            # OpenMetrics has seconds with a fraction, the older format milliseconds.
            time_ms = int(float(fields[1]) * 1000) if "." in fields[1] else int(fields[1])
        except ValueError:
            raise ProtocolError(f"line {number}: {fields[1][:40]!r} is not a time") from None
    return name, labels, float(fields[0]), time_ms


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], text)
