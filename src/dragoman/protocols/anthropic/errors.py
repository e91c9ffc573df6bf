"""A service's failures to the tree of errors, and the tree to this protocol's envelope.

https://platform.claude.com/docs/en/api/errors
"""

import re
from typing import Any

from dragoman.error_words import CUT_WORDS, cut, scrub
from dragoman.errors import (
    BadEventError,
    ContextLengthError,
    DragomanError,
    OpaqueStateError,
    QuotaExhaustedError,
    UnsupportedFeatureError,
)
from dragoman.protocols.anthropic.extra import NAME, THREAD
from dragoman.protocols.errors.phrases import Phrases
from dragoman.protocols.errors.said import opened, unflagged, value_of, word_of, words_of
from dragoman.protocols.errors.scrubbed import scrubbed
from dragoman.protocols.errors.status import WAITED, error_for
from dragoman.protocols.errors.unread import unread
from dragoman.protocols.errors.waits import wait_said
from dragoman.types import HttpResponse, ResponseHead
from dragoman.wire import json, sse

TYPES: dict[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Type to status."""

VAGUE = "api_error"
"""What services with other protocols say of every failure, so that the status is more exact: Ollama also of a model
that it does not have, and of a queue that is full (0.17.4)."""

WORDS: dict[int, str] = {status: kind for kind, status in TYPES.items()} | {
    408: "timeout_error",
    425: "api_error",
    503: "overloaded_error",
}
"""Status to type; after 408 and 425 the same request may succeed. Any other is `invalid_request_error` below 500, else
`api_error`."""

OUTWARD: dict[int, int] = {503: 529}
"""Statuses that callers of this protocol do not know, to those that they know."""

WRONG = 400
"""The status of other services for a failure that has a status of its own in this protocol. Gemini answers 400 to a
request that is too large; here that is 413, after which Claude Code tells its user what to do."""

TOO_LONG = ("prompt is too long", "exceed context limit")
"""Agents know by these words that they must shorten their conversation, or the answer that they ask for. Other services
with this protocol have others."""

PHRASES: Phrases = {
    "invalid signature in thinking block": OpaqueStateError,
    "invalid data in redacted_thinking block": OpaqueStateError,
    "blocks in the latest assistant message cannot be modified": OpaqueStateError,
}
"""What the service writes of thinking that it did not sign so (anthropics/claude-code#10627), which has no code."""

UNTHREADED: dict[str, Any] = {"details": {"error_code": "thread_unsupported_request", "unsupported": [THREAD]}}
"""By this the vendor's programs know to send the whole conversation instead (Python 2.14, Node 1.14, 2026-11)."""

NAMED = frozenset({"type", "message", "Message"})
ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
"""Ids of requests that are passed on; the service's own are some 30 characters long."""
MAX_EXTRA = 1 << 12
"""Bytes of further fields that an error keeps: 4 KiB are enough for any reason, but not to echo a long prompt."""


def failure_in(value: object) -> object:
    """The failure that a JSON value reports; None if it reports none.

    `{"type": "error", "error": {…}}`, and what programs send that stand before such a service: `{"error": …}`,
    `{"detail": …}`, `{"message": …}`, `{"Message": …}` (AWS), `{"object": "error", …}` (servers of models); the same in
    a list (Vertex AI).
    """
    if isinstance(value, list) and value:
        return failure_in(value[0])
    if not isinstance(value, dict):
        return None
    if error := unflagged(value):
        return error
    if value.get("type") == "error" or value.get("object") == "error":
        return value
    if "content" in value or value.get("type") is not None:
        return None
    return value if any(isinstance(value.get(name), str) for name in ("message", "Message")) else value.get("detail")


def failed_request(value: object) -> str:
    """The id of the request that failed, which stands beside the failure; empty if nothing looks like one."""
    found = value.get("request_id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and ID.fullmatch(found) and scrub(found) == found else ""


def reported(value: object, status: int | None = None, head: ResponseHead | None = None) -> DragomanError:
    """The error that a service reports in `value`, an envelope. `status`: the reply's, if it is not one of success."""
    failure = failure_in(value) or value
    said = opened(failure) if isinstance(failure, dict) else {"message": words_of(failure)}
    kind, message = word_of(said.get("type")), words_of(said)
    number = status or TYPES.get(kind or "", 500)
    shown = cut(scrub(message[: 4 * CUT_WORDS]), CUT_WORDS)
    error = error_for(number, shown or "no reason was given", words=(_code(said), kind), head=head, phrases=PHRASES)
    error.told_by = NAME
    if error.retry_after is None and isinstance(error, WAITED):
        error.retry_after = wait_said(said)
    if kind is not None and kind != "error":
        error.native_type = scrub(kind)
    more = {name: value for name, value in said.items() if name not in NAMED and value is not None}
    if more and len(json.encode(more)) <= MAX_EXTRA:
        error.extra = {NAME: scrubbed(more)}
    error.request_id = failed_request(value)
    return error


def decode_error(reply: HttpResponse) -> DragomanError:
    """The error that a reply without an answer means. A page, or a body of another type, is named but never shown."""
    status, head = reply.head.status, reply.head
    try:
        value = value_of(reply.body)
    except BadEventError:
        value = None
    if failure_in(value) is None:
        return unread(reply)
    return reported(value, status if status >= 400 else None, head)


def outward(error: DragomanError) -> int:
    """The status that a caller of this protocol gets."""
    if isinstance(error, QuotaExhaustedError):
        if error.told_by == NAME and (error.upstream_status or 0) >= 400:
            return error.upstream_status or 0
        return TYPES["billing_error"]  # callers repeat a request after 429, which does not help
    if error.status == WRONG and error.code in TYPES:
        return TYPES[error.code]
    return OUTWARD.get(error.status, error.status)


def envelope(error: DragomanError) -> dict[str, Any]:
    """`error` as a caller of this protocol expects it."""
    status = outward(error)
    kind = error.native_type if error.native_type in TYPES and error.native_type != VAGUE else None
    message = error.words_for(NAME)
    if isinstance(error, ContextLengthError) and not any(words in message.lower() for words in TOO_LONG):
        message = f"{TOO_LONG[0]}: {message}"
    usual = WORDS.get(status, "invalid_request_error" if status < 500 else "api_error")
    unthreaded = isinstance(error, UnsupportedFeatureError) and THREAD in error.refused
    more = UNTHREADED if unthreaded else error.extra.get(NAME, {})
    said = {"type": "error", "error": {**more, "type": kind or usual, "message": message}}
    return said | {"request_id": error.request_id} if error.request_id else said


def stream_error(error: DragomanError) -> bytes:
    """The same inside a stream, as its last event."""
    return sse.encode(json.encode(envelope(error)), b"error")


def _code(said: dict[str, Any]) -> str | None:
    details = said.get("details")
    exact = word_of(details.get("error_code")) if isinstance(details, dict) else None
    return exact or word_of(said.get("code"))  # Azure has codes of OpenAI's
