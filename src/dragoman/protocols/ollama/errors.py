"""Failures in this protocol's words: `{"error": "text"}`, with a status, or as the last line of a stream."""

from dragoman.errors import DragomanError
from dragoman.protocols.errors.response import error_response, usual_status
from dragoman.protocols.ollama.extra import NAME
from dragoman.protocols.ollama.line_ends import escaped
from dragoman.types import Headers, ServerResponse
from dragoman.wire import json

JSON: Headers = (("content-type", "application/json; charset=utf-8"),)


def envelope(error: DragomanError) -> dict[str, str]:
    """`error` as a caller of this protocol expects it. `code` is ours, and says which failure it is."""
    return {"error": error.words_for(NAME), "code": error.native_code or error.code}


def stream_error(error: DragomanError) -> bytes:
    """The same inside a stream, as its last line."""
    return escaped(json.encode(envelope(error))) + b"\n"


def encode_error(error: DragomanError) -> ServerResponse:
    """The same in place of an answer."""
    return error_response(error, usual_status(error), envelope(error), JSON)
