"""What the standard library reaches for and a component does not have.

Components are built with ``--stub-wasi``: a call of the system ends the instance with a trap. So what
has a counterpart with the host is led there, and what has none raises an exception that says so.
"""

from __future__ import annotations

import builtins
import gc
import importlib
import io
import os
import posix
import random
import sys
import time
from typing import Any, Callable

from . import _wit, clock, log

# datetime in C reads the system's clock by itself; in Python it asks the module `time`.
sys.modules["_datetime"] = None  # type: ignore[assignment]
if "datetime" in sys.modules:
    importlib.reload(sys.modules["datetime"])

_FILES = (
    "access chdir chmod getcwd getcwdb link listdir lstat mkdir open readlink remove rename"
    " replace rmdir scandir stat statvfs symlink unlink utime"
).split()


def prepare() -> None:
    """Runs at build time, when the plugin's module is nearly loaded; what it leaves is part of the
    component.
    """
    # What exists now lives for ever: the collector need not walk over it, so its memory is shared
    # among all instances until something writes to it.
    gc.collect()
    gc.freeze()


def start() -> None:
    """Runs in each instance, before the plugin is made."""
    time.time, time.time_ns = clock.now, lambda: clock.now_ms() * 1_000_000
    time.monotonic = time.perf_counter = clock.monotonic
    time.monotonic_ns = time.perf_counter_ns = lambda: _wit.clock.monotonic()
    time.sleep = _refuse("a plugin cannot sleep: the host calls it again at the next scrape")
    files = _refuse("a plugin has no files of its own: use narthex_sdk.files")
    for name in _FILES:
        setattr(posix, name, files)
        setattr(os, name, files)
    builtins.open = io.open = files  # type: ignore[assignment]
    os.urandom = _refuse("a plugin has no source of secure random numbers")  # type: ignore
    # Built-in and frozen modules need no file.
    inside = [finder for finder in sys.meta_path if isinstance(finder, type)][:2]
    sys.meta_path = [*inside, _Imports()]  # type: ignore[list-item]
    sys.stdout, sys.stderr = log.Writer("INFO"), log.Writer("WARN")  # type: ignore[assignment]
    # The seed of the build is the same in every instance.
    random.seed(_wit.clock.now() ^ _wit.clock.monotonic())


def _refuse(text: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(text)

    return refuse


class _Imports:
    """Stands where the finder of files stood."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Says what to do; a module that may be missing is missing."""
        raise ModuleNotFoundError(
            f"{name} is not part of the component: import it at the top of the plugin's module",
            name=name,
        )
