"""Time. The module ``time`` has none of its own in a component: it is led here."""

from . import _wit


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
