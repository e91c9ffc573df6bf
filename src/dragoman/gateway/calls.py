"""What a request may be, whatever it asks: how large, how packed. Knows no route, no protocol and no server."""

from dragoman.errors import InvalidRequestError
from dragoman.types import HttpCall

MAX_HEAD = 64 << 10
"""Bytes of a request's head, or of what frames its body between two pieces: as much as Node and Envoy give."""

MAX_FIELDS = 100
MAX_FIELD = 16 << 10
"""Bounds of a head: 100 fields as Apache and Node set them in the same order, one field twice what nginx gives."""

UNPACKED = frozenset({b"", b"identity"})
"""Encodings of a body that are read. Others are refused: a small packed body may be a huge one."""


def flaw(call: HttpCall, limit: int) -> InvalidRequestError | None:
    """What is wrong with a head, as far as it can be told before the body; None where nothing is."""
    size = len(call.path) + len(call.query)
    if len(call.headers) > MAX_FIELDS or size > MAX_FIELD:
        return too_large_head()
    for name, value in call.headers:
        size += len(name) + len(value)
        if len(value) > MAX_FIELD or size > MAX_HEAD:
            return too_large_head()
        if name == b"content-length":
            if len(value) > 18 or (value.isdigit() and int(value) > limit):
                return too_large(limit)
        elif name == b"content-encoding" and value.strip().lower() not in UNPACKED:
            message = "expected a body that is not compressed"
            return InvalidRequestError(message, status=415, code="unsupported_content_encoding")
    return None


def too_large(limit: int) -> InvalidRequestError:
    """The refusal of a body."""
    return InvalidRequestError(f"expected a body of at most {limit} bytes", status=413, code="request_too_large")


def too_large_head() -> InvalidRequestError:
    """The refusal of a head."""
    message = f"expected at most {MAX_FIELDS} header fields of {MAX_FIELD} bytes"
    return InvalidRequestError(message, status=431, code="head_too_large")


def paused(silence: float) -> InvalidRequestError:
    """The refusal of a request that stopped coming."""
    message = f"the request paused for more than {silence:g} seconds"
    return InvalidRequestError(message, status=408, code="request_timeout")
