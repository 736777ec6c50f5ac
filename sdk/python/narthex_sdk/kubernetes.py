"""Objects of a Kubernetes cluster, of granted kinds, from watches that the host keeps."""

from __future__ import annotations

import json
from typing import Any

from . import _wit
from .errors import call

#: The events that one call hands over; :meth:`Watch.update` calls again until there are fewer.
EVENTS_MAX = 1000


class Watch:
    """A watch, and the objects that it has seen. Keep it in a field of the plugin: it outlives the
    call that opened it.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self._objects: dict[tuple[str, str], dict[str, Any]] = {}

    def update(self) -> list[dict[str, Any]]:
        """Takes what has happened into account; all objects that there are now, sorted by namespace
        and name.
        """
        while True:
            events = call(self._handle.drain, EVENTS_MAX)
            for event in events:
                item = json.loads(event.object)
                about = item.get("metadata", {})
                key = about.get("namespace", ""), about.get("name", "")
                if event.change.name == "DELETED":
                    self._objects.pop(key, None)
                else:
                    self._objects[key] = item
            if len(events) < EVENTS_MAX:
                return [self._objects[key] for key in sorted(self._objects)]

    def synced(self) -> bool:
        """Whether the first list is complete."""
        return self._handle.synced()


def watch(
    api_version: str,
    kind: str,
    namespace: str | None = None,
    label_selector: str | None = None,
) -> Watch:
    """Watches a kind; ``api_version`` as in an object, ``v1`` or ``apps/v1``."""
    return Watch(call(_wit.kubernetes.open, api_version, kind, namespace, label_selector))
