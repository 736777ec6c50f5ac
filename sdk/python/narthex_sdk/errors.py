"""Why a call failed: the contract's errors as exceptions, and exceptions as its errors.

The text is for the operator. It becomes the target's last error: it says what to do and never holds
a secret.
"""

from __future__ import annotations

from typing import Any, Callable, TypeVar

from . import _wit

T = TypeVar("T")


class Error(Exception):
    """A failure that has its place in the contract."""

    def __str__(self) -> str:
        # Some of the classes below have OSError behind them, which prints in its own way.
        return str(self.args[0]) if self.args else ""


class ConfigError(Error, ValueError):
    """The plugin's configuration is at fault: trying again does not help."""


class UnavailableError(Error, ConnectionError):
    """The other side could not be reached or closed early."""


class OutOfTimeError(Error, TimeoutError):
    """The call's time ran out."""


class DeniedError(Error, PermissionError):
    """The host refused: the grant does not cover it."""


class ProtocolError(Error):
    """The other side answered with something that is not its protocol, or with an error."""


class InternalError(Error):
    """Anything else."""


# In order: the first class that fits decides.
_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (ConfigError, "Config"),
    (DeniedError, "Denied"),
    (ProtocolError, "Protocol"),
    (InternalError, "Internal"),
    (ConnectionError, "Unavailable"),
    (EOFError, "Unavailable"),
    (PermissionError, "Denied"),
)
_CLASSES = {
    "Error_Config": ConfigError,
    "Error_Unavailable": UnavailableError,
    "Error_Timeout": OutOfTimeError,
    "Error_Denied": DeniedError,
    "Error_Protocol": ProtocolError,
    "Error_Internal": InternalError,
}


def from_wit(error: Any) -> Error:
    """The exception for an error of the host."""
    kind = _CLASSES.get(type(error).__name__, InternalError)
    return kind(getattr(error, "value", "the call's time ran out"))


def to_wit(exception: BaseException) -> Any:
    """The contract's error for any exception."""
    if isinstance(exception, TimeoutError):
        return _wit.types.Error_Timeout()
    for kind, name in _KINDS:
        if isinstance(exception, kind):
            return getattr(_wit.types, f"Error_{name}")(valid(str(exception) or kind.__name__))
    text = f"{type(exception).__name__}: {exception}".rstrip(": ")
    return _wit.types.Error_Internal(valid(text))


def valid(text: str) -> str:
    """The text without lone surrogates, which have no place in UTF-8."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()


def call(function: Callable[..., T], *args: Any) -> T:
    """Calls the host; its errors come as exceptions of this module."""
    try:
        return function(*args)
    except _wit.Err as error:
        raise from_wit(error.value) from None
