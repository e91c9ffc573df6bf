"""The body of a reply that is not an answer, in the shapes that chat sites use. Knows no site."""

from typing import Any

from msgspec import Struct

from dragoman.error_words import CUT_WORDS, cut, scrub
from dragoman.errors import BadEventError, DragomanError
from dragoman.protocols.errors.head import PAGE, a_page
from dragoman.protocols.errors.html import looks_like_html
from dragoman.protocols.errors.said import unflagged, words_of
from dragoman.protocols.errors.status import OURS, error_for
from dragoman.types import HttpResponse
from dragoman.wire import json


class ErrorBody(Struct, frozen=True):
    """What a service says about its failure."""

    message: str = ""
    words: tuple[str, ...] = ()
    """Its code and type, the more exact first."""
    status: int | None = None
    """The status that the body names, if it names one."""


def read_error_body(value: Any) -> ErrorBody | None:
    """What an error object says; None if `value` is not one.

    Known are `{"error": {"message", "code", "type"}}`, `{"error": "text"}`, and a `code` other than 0 together with a
    `message` or `msg`.
    """
    if not isinstance(value, dict):
        return None
    match unflagged(value):
        case None | False | "":
            return _numbered(value)
        case dict() as error:
            return ErrorBody(words_of(error), _words(error), _status(error.get("code")))
        case error:
            return ErrorBody(words_of(error), _words(value), _status(value.get("code")))


def error_in(value: Any, status: int = 502) -> DragomanError | None:
    """The error that an error object inside of an answer means; None if `value` is not one."""
    words = read_error_body(value)
    if words is None:
        return None
    message = words.message or "the service sent an error without words"
    ours = next((OURS[word] for word in words.words if word in OURS), status)
    return error_for(words.status or ours, cut(scrub(message), CUT_WORDS), words=words.words)


def decode_failure(reply: HttpResponse) -> DragomanError:
    """The error that a reply without an answer means: by the code in its body if it is known, else by its status."""
    head, body = reply.head, reply.body
    if head.media_type == PAGE or looks_like_html(body):
        if head.status < 300:
            return a_page(head=head)
        error = error_for(head.status, f"expected an answer, got {head.status} and an HTML page", head=head)
        error.code = a_page(head=head).code
        return error
    words = reply_words(body)
    if head.status < 300 and not words.message:
        return BadEventError(f"expected text, got {head.media_type or 'something else'}")
    message = words.message or f"expected an answer, got {head.status} and no words"
    status = head.status if head.status >= 300 else words.status or 502
    return error_for(status, cut(scrub(message), CUT_WORDS), words=words.words, head=head)


def reply_words(body: bytes) -> ErrorBody:
    """What a failure's body says: the fields of its error object, or the body itself if it is not one."""
    try:
        value = json.decode_event(body)
    except BadEventError:
        return ErrorBody(body.decode("utf-8", "replace").strip())
    return read_error_body(value) or ErrorBody(words_of(value) if isinstance(value, dict) else "")


def _numbered(value: dict[str, Any]) -> ErrorBody | None:
    code = value.get("code")
    if code in (None, False, "", "0", 0):
        return None
    texts = [text for key in ("message", "msg") if isinstance(text := value.get(key), str) and text]
    return ErrorBody(texts[0], _words(value), _status(code)) if texts else None


def _words(value: dict[str, Any]) -> tuple[str, ...]:
    return tuple(word for key in ("code", "type") if isinstance(word := value.get(key), str))


def _status(code: Any) -> int | None:
    return code if isinstance(code, int) and 400 <= code < 600 else None
