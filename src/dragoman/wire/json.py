"""JSON text to values and back, with this library's errors. Knows no vendor."""

from typing import Any

import msgspec

from dragoman.errors import BadEventError, InvalidRequestError

encode = msgspec.json.encode


def decode_event(data: bytes) -> Any:
    """The value of a service's JSON. Raises BadEventError; what is not UTF-8 becomes U+FFFD."""
    try:
        return msgspec.json.decode(data)
    except UnicodeDecodeError:
        return decode_event(data.decode("utf-8", "replace").encode())
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise BadEventError("expected JSON, got something else") from exc


def decode_request(data: bytes) -> Any:
    """The value of a caller's JSON. Raises InvalidRequestError that says where it is wrong, not what it holds."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        reason = "too deeply nested" if isinstance(exc, RecursionError) else str(exc)
        raise InvalidRequestError(f"the body is not valid JSON: {reason}", code="invalid_json") from exc
