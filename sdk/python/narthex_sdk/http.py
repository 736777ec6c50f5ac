"""HTTP through the host's client. Only granted hosts can be reached, and a redirect is handed back
as it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Union

from . import _wit
from .errors import ProtocolError, UnavailableError, call
from .secrets import Secret


@dataclass(frozen=True)
class Bearer:
    """The header value ``Bearer`` and a secret."""

    secret: Secret


@dataclass(frozen=True)
class Basic:
    """The header value ``Basic`` of a user's name and a secret as the password."""

    user: str
    secret: Secret


Header = Union[str, Secret, Bearer, Basic]


@dataclass(frozen=True)
class Response:
    """What came back."""

    status: int
    #: As they came; a name may come more than once.
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> Optional[str]:
        """The first header of that name, however it is written."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), None)

    def expect(self, *statuses: int) -> Response:
        """Itself, if its status is one of these (without any: 200 to 299).

        Raises :class:`UnavailableError` for a status of 500 and more, else :class:`ProtocolError`.
        """
        if self.status in statuses if statuses else 200 <= self.status < 300:
            return self
        kind = UnavailableError if self.status >= 500 else ProtocolError
        raise kind(f"the answer has the status {self.status}")

    def text(self) -> str:
        """The body as text; what is not UTF-8 becomes the replacement character."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises :class:`ProtocolError`."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ProtocolError(f"the answer is not JSON: {error}") from None


@dataclass(frozen=True)
class Stored:
    """A response whose body stays with the host. Returned by ``collect``, the host reads it as it
    would read a target's own metrics.
    """

    status: int
    content_type: str
    #: Bytes of the body.
    length: int
    handle: int


def get(url: str, headers: Mapping[str, Header] | None = None, **settings: Any) -> Response:
    """A request with the method GET; see :func:`request`."""
    return request("GET", url, headers, **settings)


def post(
    url: str, body: bytes | str, headers: Mapping[str, Header] | None = None, **settings: Any
) -> Response:
    """A request with the method POST; see :func:`request`."""
    return request("POST", url, headers, body=body, **settings)


def request(
    method: str,
    url: str,
    headers: Mapping[str, Header] | None = None,
    *,
    body: bytes | str | None = None,
    timeout: float | None = None,
    tls: str | None = None,
) -> Response:
    """Sends a request. ``timeout`` is in seconds; the call's own deadline applies in any case.
    ``tls`` is the name of a TLS profile in the operator's configuration.

    Any status is an answer: see :meth:`Response.expect`.
    """
    response = call(_wit.http.send, _request(method, url, headers, body, timeout, tls))
    return Response(response.status, response.headers, response.body)


def fetch(
    url: str,
    headers: Mapping[str, Header] | None = None,
    *,
    timeout: float | None = None,
    tls: str | None = None,
) -> Stored:
    """As :func:`get`, but the body stays with the host."""
    stored = call(_wit.http.fetch, _request("GET", url, headers, None, timeout, tls))
    return Stored(stored.status, stored.content_type, stored.length, stored.handle)


def _request(
    method: str,
    url: str,
    headers: Mapping[str, Header] | None,
    body: bytes | str | None,
    timeout: float | None,
    tls: str | None,
) -> Any:
    return _wit.http.Request(
        method,
        url,
        [(name, _header(value)) for name, value in (headers or {}).items()],
        body.encode() if isinstance(body, str) else body,
        None if timeout is None else max(1, min(int(timeout * 1000), 2**32 - 1)),
        tls,
    )


def _header(value: Header) -> Any:
    if isinstance(value, Secret):
        return _wit.http.HeaderValue_Secret(value._handle)
    if isinstance(value, Bearer):
        return _wit.http.HeaderValue_Bearer(value.secret._handle)
    if isinstance(value, Basic):
        return _wit.http.HeaderValue_Basic((value.user, value.secret._handle))
    return _wit.http.HeaderValue_Plain(str(value))
