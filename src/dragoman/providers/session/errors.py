"""Failures of a service: the error for a reply that is not an answer. Knows no vendor."""

from collections.abc import Mapping
from typing import Any, Protocol

from dragoman.error_words import cut, scrub
from dragoman.errors import DragomanError, UpstreamError
from dragoman.protocols.errors.status import error_for
from dragoman.types import ResponseHead
from dragoman.wire import floats, json

PATHS: tuple[tuple[str, ...], ...] = (("error", "message"), ("error",), ("message",), ("detail",), ("msg",))
"""Fields of JSON in which services put their message."""

NAMES: tuple[tuple[str, ...], ...] = (("error", "code"), ("error", "type"), ("code",), ("type",))
"""Fields in which they put the error's name."""


class RefusedResponse(Protocol):
    """A reply of StreamSession, or of aiohttp."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    async def text(self) -> str: ...


async def raise_for_status(response: RefusedResponse) -> None:
    """Raises the error of the tree that a status of 300 or more means, with the service's own message."""
    if response.status >= 300:
        head = ResponseHead(
            response.status, tuple((k.encode(), v.encode("latin-1", "replace")) for k, v in response.headers.items())
        )
        raise reply_error(head, await _words(response))


async def _words(response: RefusedResponse) -> str:
    """The body; empty if it is too long or breaks off, because the status says more than such a body."""
    try:
        return await response.text()
    except DragomanError:
        return ""


def reply_error(head: ResponseHead, text: str = "") -> DragomanError:
    """The error for a reply with that `head` and body. A page is never shown, nor what looks like a key."""
    value = _json(text)
    words = tuple(name for name in (_at(value, path) for path in NAMES) if name is not None)
    said = next((said for said in (_at(value, path) for path in PATHS) if said), None)
    if said is None and value is None and not _is_page(head, text):
        said = text.strip()
    message = f"HTTP {head.status}: {cut(scrub(said))}" if said else f"HTTP {head.status}"
    if head.status < 400:
        return UpstreamError(message, code="upstream_redirect")
    return error_for(head.status, message, words=words, head=head)


def _json(text: str) -> Any:
    try:
        return floats.decode(text)
    except json.NOT_STRICT:
        return None


def _at(value: Any, path: tuple[str, ...]) -> str | None:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def _is_page(head: ResponseHead, text: str) -> bool:
    return head.media_type in ("text/html", "application/xhtml+xml") or text.lstrip()[:1] == "<"
