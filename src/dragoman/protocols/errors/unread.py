"""Replies that are neither an answer nor a failure in the words of their protocol. Knows no vendor."""

from dragoman.error_words import cut, scrub
from dragoman.errors import BadEventError, DragomanError, UpstreamError
from dragoman.protocols.errors.head import PAGE, a_page
from dragoman.protocols.errors.html import looks_like_html
from dragoman.protocols.errors.status import error_for
from dragoman.types import HttpResponse

MAX_TEXT = 500
"""Characters that are shown of a plain text in place of an error object: enough for a sentence, too few for a page."""


def unread(reply: HttpResponse) -> DragomanError:
    """The error that such a reply means. Plain text is shown; a page, or a body of another type, is only named."""
    status, body = reply.head.status, reply.body.strip()
    page = bool(body) and (reply.head.media_type == PAGE or looks_like_html(body) is True)
    message = f"answered {status} with {'an HTML page' if page else _nature(reply.head.media_type, body)}"
    if status < 300:
        return BadEventError(message, code=a_page(head=reply.head).code if page else None)
    if status < 400:
        return UpstreamError(f"answered {status}, a redirect, which is not followed", code="upstream_redirect")
    error = error_for(status, message, head=reply.head)
    if page:
        error.code = a_page(head=reply.head).code
    return error


def _nature(media_type: str | None, body: bytes) -> str:
    if not body:
        return "an empty body"
    if media_type == "text/plain":
        return f"{cut(scrub(body.decode('utf-8', 'replace')), MAX_TEXT)!r}"
    return "a body that is not of this protocol"
