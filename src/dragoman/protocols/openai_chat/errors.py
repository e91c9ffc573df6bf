"""A service's failures to the tree of errors, and the tree to this protocol's envelope."""

from typing import Any

import msgspec

from dragoman.errors import BadEventError, DragomanError, UpstreamError, cut, scrub
from dragoman.protocols.status import error_for
from dragoman.types import HttpReply, ReplyHead

READ = 2000
"""Characters of a service's message that are looked at, ten times what is kept."""

TYPES: dict[str, int] = {
    "invalid_request_error": 400,
    "BadRequestError": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "NotFoundError": 404,
    "rate_limit_error": 429,
    "requests": 429,
    "tokens": 429,
    "overloaded_error": 503,
    "service_unavailable_error": 503,
    "timeout_error": 504,
}
"""The status of a failure inside a stream, where only its type was said; any other is 500."""

PHRASES: dict[str, str] = {
    "maximum context length": "context_length_exceeded",
    "context length exceeded": "context_length_exceeded",
    "exceeds the available context size": "context_length_exceeded",
}
"""What services that give no code (vLLM, llama.cpp) write in its place."""

OUTWARD: dict[int, int] = {529: 503}
"""Statuses that callers of this protocol do not know, as those they do."""


def failure_in(value: object) -> object:
    """The failure that a JSON value reports, in whichever of the known shapes; None where it reports none.

    `{"error": …}`; the same in a list (Gemini); `{"object": "error", "message": …}` (vLLM); `{"detail": …}` (FastAPI).
    """
    if isinstance(value, list) and value:
        return failure_in(value[0])
    if not isinstance(value, dict):
        return None
    if error := value.get("error"):
        return error
    if "choices" in value:
        return None
    return value if isinstance(value.get("message"), str) else value.get("detail")


def reported(failure: object, status: int | None = None, head: ReplyHead | None = None) -> DragomanError:
    """The error that a service reports. `status`: the reply's, where it was no success."""
    said = failure if isinstance(failure, dict) else {"message": _first(failure)}
    message = next(
        (text for name in ("message", "msg", "detail") if isinstance(text := said.get(name), str) and text), ""
    )
    code, kind = _word(said.get("code")), _word(said.get("type"))
    phrase = next((word for phrase, word in PHRASES.items() if phrase in message[:READ].lower()), None)
    number = status or _status(said.get("code")) or _status(said.get("status")) or TYPES.get(kind or "", 500)
    return error_for(number, _shown(message) or "no reason was given", words=(code, phrase, kind), head=head)


def decode_error(reply: HttpReply) -> DragomanError:
    """What a reply that is no answer means. A page, or a body of another kind, is named and never shown."""
    status, head = reply.head.status, reply.head
    try:
        failure = failure_in(msgspec.json.decode(reply.body.decode("utf-8", "replace")))
    except (msgspec.MsgspecError, RecursionError):
        failure = None
    if failure is not None:
        return reported(failure, status if status >= 400 else None, head)
    message = f"answered {status} with {_nature(reply)}"
    if status < 300:
        return BadEventError(message, code="upstream_html" if _is_page(reply.body) else None)
    if status < 400:
        return UpstreamError(f"answered {status}, a redirect, which is not followed", code="upstream_redirect")
    return error_for(status, message, head=head)


def envelope(error: DragomanError) -> dict[str, Any]:
    """`error` as a caller of this protocol expects it."""
    return {"error": {"message": str(error), "type": error.type, "param": None, "code": error.code}}


def _first(failure: object) -> object:
    """The text of a failure: FastAPI's validation puts it in a list of objects."""
    if isinstance(failure, list) and failure and isinstance(failure[0], dict):
        return failure[0].get("msg")
    return failure


def _shown(message: str) -> str:
    return cut(scrub(message[:READ]))


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _status(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
        value = int(value)
    return value if isinstance(value, int) and 400 <= value < 600 else None


def _nature(reply: HttpReply) -> str:
    if not reply.body.strip():
        return "an empty body"
    if reply.head.media_type == "text/html" or _is_page(reply.body):
        return "an HTML page"
    return "a body that is not of this protocol"


def _is_page(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")
