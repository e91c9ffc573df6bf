"""The response that tells a caller of a failure, around the words of its protocol. Knows no protocol."""

from typing import Any

from dragoman.errors import DragomanError
from dragoman.protocols.errors.retry import retry_headers
from dragoman.types import Headers, ServerResponse
from dragoman.types.http import JSON
from dragoman.wire import json

OUTWARD: dict[int, int] = {529: 503}
"""The status that only callers of Anthropic's protocol know, to the one that all others know."""


def usual_status(error: DragomanError) -> int:
    """The status that a caller is told, unless its protocol has another one."""
    return OUTWARD.get(error.status, error.status)


def error_response(error: DragomanError, status: int, envelope: Any, headers: Headers = JSON) -> ServerResponse:
    """`envelope`: the JSON in which the protocol tells of an error. `headers`: what they say of JSON."""
    return ServerResponse(status=status, headers=(*headers, *retry_headers(error, status)), body=json.encode(envelope))
