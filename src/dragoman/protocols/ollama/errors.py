"""Failures in this protocol's words: `{"error": "text"}`, with a status, or as the last line of a stream."""

from dragoman.errors import DragomanError
from dragoman.protocols.errors.retry import retry_headers
from dragoman.protocols.ollama.extra import NAME
from dragoman.protocols.ollama.line_ends import escaped
from dragoman.types import Headers, ServerResponse
from dragoman.wire import json

JSON: Headers = (("content-type", "application/json; charset=utf-8"),)

OUTWARD = {529: 503}
"""Statuses that callers of this protocol do not know, to those that they know."""


def envelope(error: DragomanError) -> dict[str, str]:
    """`error` as a caller of this protocol expects it. `code` is ours, and says which failure it is."""
    return {"error": error.words_for(NAME), "code": error.native_code or error.code}


def stream_error(error: DragomanError) -> bytes:
    """The same inside a stream, as its last line."""
    return escaped(json.encode(envelope(error))) + b"\n"


def encode_error(error: DragomanError) -> ServerResponse:
    """The same in place of an answer."""
    status = OUTWARD.get(error.status, error.status)
    headers = (*JSON, *retry_headers(error, status))
    return ServerResponse(status=status, headers=headers, body=json.encode(envelope(error)))
