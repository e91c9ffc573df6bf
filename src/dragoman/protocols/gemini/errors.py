"""A service's failures to the tree of errors, and the tree to this protocol's envelope.

https://google.aip.dev/193
"""

import re
from collections.abc import Mapping
from typing import Any

from dragoman.error_words import CUT_WORDS, cut, scrub
from dragoman.errors import (
    BadEventError,
    ContextLengthError,
    DragomanError,
    InvalidRequestError,
    OpaqueStateError,
    QuotaExhaustedError,
)
from dragoman.protocols.errors.details import refined
from dragoman.protocols.errors.phrases import Phrases
from dragoman.protocols.errors.response import usual_status
from dragoman.protocols.errors.retry import wait_of
from dragoman.protocols.errors.said import opened, unflagged, value_of, words_of
from dragoman.protocols.errors.scrubbed import scrubbed
from dragoman.protocols.errors.status import error_for
from dragoman.protocols.errors.unread import unread
from dragoman.protocols.gemini.extra import NAME
from dragoman.types import Headers, HttpResponse, ResponseHead
from dragoman.wire import json

JSON: Headers = (("content-type", "application/json; charset=UTF-8"),)

STATUS: dict[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INTERNAL": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""A service's word to the HTTP status. https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto"""

WORDS: dict[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
"""A status to the word of the nearest meaning; any other is INVALID_ARGUMENT below 500, else INTERNAL."""

PHRASES: Phrases = {
    "thought signature is not valid": OpaqueStateError,
    "corrupted thought signature": OpaqueStateError,
}
"""What the service writes of a signature that is not its own (anomalyco/opencode#4832); the word beside it is that of
any 400. A missing signature is no such error: without the others it would be missing too."""

TOO_LONG = re.compile("input token count.{0,80}exceeds the maximum")
"""Agents know by such words that they must shorten their conversation: this protocol has no code for it."""

SPENT = 402
"""The status of money that is used up: callers repeat a request after any 429 whose details do not name a daily quota
(Gemini CLI 0.61), which does not help."""

RETRY = "type.googleapis.com/google.rpc.RetryInfo"

MAX_EXTRA = 1 << 12
"""Bytes of further fields that an error keeps: 4 KiB are enough for any reason, but not to echo a long prompt."""


TOO_LARGE = "payload size exceeds the limit"
"""What is 413 elsewhere is 400 here. https://github.com/MaKTaiL/gemini-srt-translator/issues/63"""


def failure_in(value: object) -> object:
    """The failure that a JSON value reports; None if it reports none. A stream that is a list has it in a list."""
    if isinstance(value, list) and value:
        return failure_in(value[0])
    return unflagged(value) or None if isinstance(value, dict) else None


def reported(failure: object, status: int | None = None, head: ResponseHead | None = None) -> DragomanError:
    """The error that a service reports. `status`: the reply's, if it is not one of success."""
    said: Mapping[str, Any] = opened(failure) if isinstance(failure, dict) else {"message": words_of(failure)}
    message, word, code = words_of(said), said.get("status"), said.get("code")
    known = STATUS.get(word) if isinstance(word, str) else None
    number = status or (code if isinstance(code, int) and 400 <= code < 600 else None) or known or 500
    text = cut(scrub(message[: 4 * CUT_WORDS]), CUT_WORDS)
    error = refined(error_for(number, text or "no reason was given", head=head, phrases=PHRASES), said, head)
    error.told_by = NAME
    if isinstance(error, InvalidRequestError) and TOO_LARGE in text:
        error.code = "request_too_large"
    more = {name: scrubbed(value) for name, value in said.items() if name not in {"message"}}
    if more and len(json.encode(more)) <= MAX_EXTRA:
        error.extra = {NAME: more}
    return error


def decode_error(reply: HttpResponse) -> DragomanError:
    """The error that a reply without an answer means. A page, or a body of another type, is named but never shown."""
    status, head = reply.head.status, reply.head
    try:
        value = value_of(reply.body)
        # What programs send that stand before such a service has other forms.
        failure = failure_in(value) or (value if isinstance(value, dict) and words_of(value) else None)
    except BadEventError:
        failure = None
    if failure is not None:
        return reported(failure, status if status >= 400 else None, head)
    return unread(reply)


def outward(error: DragomanError) -> int:
    """The status that a caller of this protocol gets."""
    if isinstance(error, QuotaExhaustedError) and (error.told_by != NAME or error.upstream_status == SPENT):
        return SPENT
    return usual_status(error)


def envelope(error: DragomanError) -> dict[str, Any]:
    """`error` as a caller of this protocol expects it: in the service's words, if the service has this protocol too.

    SDKs know it by its first key, and need an integer for the code.
    """
    status = outward(error)
    own = error.extra.get(NAME, {})
    message = error.words_for(NAME)
    if isinstance(error, ContextLengthError) and error.told_by != NAME and not TOO_LONG.search(message):
        message = f"The input token count exceeds the maximum number of tokens allowed: {message}"
    said: dict[str, Any] = {
        "code": status,
        "message": message,
        "status": own.get("status") or word_of(status),
    }
    details = own.get("details")
    if not details and (wait := wait_of(error)) is not None:
        details = [{"@type": RETRY, "retryDelay": f"{wait:g}s"}]
    if details:
        said["details"] = details
    return {"error": said | {name: value for name, value in own.items() if name not in said}}


def word_of(status: int) -> str:
    """The protocol's word for an HTTP status."""
    return WORDS.get(status) or (WORDS[400] if status < 500 else "INTERNAL")
