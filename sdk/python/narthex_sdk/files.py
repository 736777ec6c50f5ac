"""Files of the host under granted paths, read-only. ``open`` has no files in a component."""

from __future__ import annotations

from typing import Any

from . import _wit
from .errors import call


def read(path: str) -> bytes:
    """The whole file."""
    return call(_wit.files.read, path)


def read_text(path: str) -> str:
    """The whole file as text; what is not UTF-8 becomes the replacement character."""
    return read(path).decode("utf-8", "replace")


def entries(path: str) -> list[str]:
    """The names in a folder, sorted."""
    return call(_wit.files.entries, path)


def link(path: str) -> str:
    """Where a symbolic link leads, as it is written."""
    return call(_wit.files.link, path)


def file_system(path: str) -> Any:
    """What the file system that holds the path has room for: ``bytes``, ``bytes_free`` (for the
    superuser), ``bytes_available`` (for everybody), ``files``, ``files_free``, ``read_only``.
    """
    return call(_wit.files.file_system, path)
