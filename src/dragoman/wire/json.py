"""JSON text to values and back, with this library's errors. Knows no vendor."""

import json
from typing import Any

import msgspec

from dragoman.errors import BadEventError, InvalidRequestError
from dragoman.wire.utf8 import well_formed

encode = msgspec.json.encode


def decode_event(data: bytes) -> Any:
    """The value of a service's JSON, without halves of characters. Raises BadEventError."""
    return clean(decode_loosely(data))


def decode_loosely(data: bytes) -> Any:
    """The value of a service's JSON, as browsers' and Python's own readers take it. Raises BadEventError.

    What is not UTF-8 becomes U+FFFD; NaN and infinities are numbers; a text may hold half a character (a lone
    surrogate), whose other half may come in a later event.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as exc:
        raise BadEventError("expected JSON, got something else") from exc


def clean(value: Any) -> Any:
    """A JSON value with each half of a character replaced by U+FFFD."""
    match value:
        case str():
            return well_formed(value)
        case list():
            return [clean(item) for item in value]
        case dict():
            return {clean(key): clean(item) for key, item in value.items()}
        case _:
            return value


def decode_request(data: bytes) -> Any:
    """The value of a caller's JSON. Raises InvalidRequestError that says where it is wrong, not what it holds."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        reason = "too deeply nested" if isinstance(exc, RecursionError) else str(exc)
        raise InvalidRequestError(f"the body is not valid JSON: {reason}", code="invalid_json") from exc
