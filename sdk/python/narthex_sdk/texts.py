"""Texts of a receiver's configuration, expanded as Go's templates with the notification that is under
way: the operator's template files and the default ones of Alertmanager are known to them.

Outside of ``notify`` there is no notification, and expanding is an error; in other plugins than
receivers there is nothing of this.
"""

from __future__ import annotations

from . import _wit
from .errors import call


def expand(template: str) -> str:
    """The text as Go's ``text/template`` makes it."""
    return call(_wit.imported("texts").expand, template)


def expand_html(template: str) -> str:
    """The text as Go's ``html/template`` makes it: what comes from labels and annotations is
    escaped.
    """
    return call(_wit.imported("texts").expand_html, template)
