"""Time. The module ``time`` has none of its own in a component: it is led here."""

from typing import Any

from . import _wit
from .errors import call


def now_ms() -> int:
    """Milliseconds since the Unix epoch."""
    return _wit.clock.now()


def now() -> float:
    """Seconds since the Unix epoch."""
    return _wit.clock.now() / 1000


def monotonic() -> float:
    """Seconds from a point of the host's choice; never goes back."""
    return _wit.clock.monotonic() / 1_000_000_000


def remaining() -> float:
    """Seconds until the host stops the call that is under way."""
    return _wit.clock.remaining() / 1000


def discipline() -> Any:
    """How the kernel disciplines the clock of the host's machine, in the numbers of adjtimex(2):
    ``state`` (5: nothing synchronizes it), ``status``, ``offset`` and ``pps_jitter`` (nanoseconds
    where ``status`` has the bit 0x2000, microseconds where it has not), ``max_error``,
    ``estimated_error``, ``precision`` and ``tick`` (microseconds), ``frequency``, ``tolerance``,
    ``pps_frequency`` and ``pps_stability`` (65536 is one in a million), ``constant``,
    ``pps_shift``, ``pps_jitter_exceeded``, ``pps_calibrations``, ``pps_errors``,
    ``pps_stability_exceeded``, ``tai`` (seconds).
    """
    return call(_wit.clock.discipline)
