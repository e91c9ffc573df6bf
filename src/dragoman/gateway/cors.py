"""Web pages of other sites that may call: preflight requests, and headers of each answer. Knows no server.

A browser lets a page read an answer of another site only if the answer allows it. Before a request with a key or JSON
the browser sends a preflight request, which carries no key. So that one is answered before keys are checked.
https://fetch.spec.whatwg.org/#http-cors-protocol
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from dragoman.errors import RequestError
from dragoman.types import Headers, ServerRequest, ServerResponse

ANY = "*"
AGE = "7200"
"""Seconds for which a browser need not ask again: Chromium's own limit."""

EXPOSED = (
    "request-id, retry-after, retry-after-ms, x-dragoman-attempts, x-dragoman-cache, x-dragoman-estimated, "
    "x-dragoman-losses, x-dragoman-stream, x-dragoman-target, x-request-id, x-should-retry"
)
"""Headers of ours that a page may read."""

ASKED = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:\s*,\s*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*")
"""Names of headers. SDKs send a dozen of their own; all that they ask for are allowed, because the key protects us."""

USUAL = "authorization, content-type, x-api-key"

DEFAULT_PORTS = {"http": ":80", "https": ":443"}
"""What a browser leaves out of an origin: https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin"""


class Cors:
    """The sites whose pages may call. Browsers are never allowed to send their own credentials (cookies) with it."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._any = ANY in origins
        self._origins = frozenset(map(_serialised, origins))

    def allows(self, origin: str) -> bool:
        """Whether pages of this site may call."""
        return self._any or origin.lower() in self._origins

    def headers(self, call: ServerRequest) -> Headers:
        """Headers that are added to each answer to `call`."""
        if not self._origins:
            return ()
        vary = ("vary", "origin")
        origin = call.header(b"origin")
        if origin is None or not self.allows(origin):
            return (vary,)
        allowed = ANY if self._any else origin
        return (("access-control-allow-origin", allowed), ("access-control-expose-headers", EXPOSED), vary)

    def answer(self, call: ServerRequest, methods: Iterable[str]) -> ServerResponse:
        """The answer to a preflight request of a page that may call."""
        asked = call.header(b"access-control-request-headers") or ""
        return ServerResponse(
            status=204,
            headers=(
                ("access-control-allow-methods", ", ".join(methods)),
                ("access-control-allow-headers", asked if ASKED.fullmatch(asked) else USUAL),
                ("access-control-max-age", AGE),
            ),
        )


def _serialised(origin: str) -> str:
    """An origin of the configuration, as a browser spells it."""
    plain = origin.lower().rstrip("/")
    return plain.removesuffix(DEFAULT_PORTS.get(plain.partition(":")[0], ""))


def asks_beforehand(call: ServerRequest) -> bool:
    """Whether `call` is a preflight request."""
    return (
        call.method == "OPTIONS"
        and call.header(b"origin") is not None
        and call.header(b"access-control-request-method") is not None
    )


def check_origin(call: ServerRequest, cors: Cors) -> None:
    """Raises RequestError (403) for a request from a page of another site, unless that site may call."""
    origin = call.header(b"origin")
    if origin is None or cors.allows(origin):
        return
    if _site(origin) != f"{call.scheme}://{call.header(b'host') or ''}".lower():
        raise RequestError(
            "expected no request from a page of another site; gateway.cors_origins lists those whose pages may call",
            status=403,
            code="foreign_origin",
        )


def _site(origin: str) -> str | None:
    """The scheme, host and port of an origin; None if it has none. Programs that imitate pages send a path too."""
    try:
        parts = urlsplit(origin.lower())
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}"
