"""Limits that hold for every request: its size and its type. Knows no route, no protocol and no server."""

import re

from dragoman.errors import InvalidRequestError
from dragoman.gateway.http.unpacking import coding
from dragoman.types import ServerRequest

MAX_HEAD = 64 << 10
"""Bytes of a request's head, or of what frames its body between two pieces; Node and Envoy allow as much."""

MAX_FIELDS = 100
MAX_FIELD = 16 << 10
"""Header fields (Apache's and Node's limits are of the same order), and bytes of one, twice what nginx allows."""

LAST = frozenset({413, 415, 431})
"""Statuses after which the connection ends: the rest of such a request is not worth reading."""

TYPES = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?json", re.ASCII | re.IGNORECASE)
"""Media types of JSON. A page may send others (forms, text/plain) to any site without a preflight request."""


def check_head_limits(call: ServerRequest) -> InvalidRequestError | None:
    """What is wrong with the size of a head; None if nothing is."""
    size = len(call.path) + len(call.query)
    if len(call.headers) > MAX_FIELDS or size > MAX_FIELD:
        return too_large_head()
    for name, value in call.headers:
        size += len(name) + len(value)
        if len(value) > MAX_FIELD or size > MAX_HEAD:
            return too_large_head()
    return None


def check_body_limits(call: ServerRequest, limit: int) -> InvalidRequestError | None:
    """What is wrong with a body, as far as the head shows; None if nothing is."""
    for name, value in call.headers:
        if name == b"content-length" and (len(value) > 18 or (value.isdigit() and int(value) > limit)):
            return too_large(limit)
    try:
        coding(call)
    except InvalidRequestError as exc:
        return exc
    return None


def check_type(call: ServerRequest) -> None:
    """Raises InvalidRequestError (415) for a body whose `content-type` is not JSON."""
    declared = call.header(b"content-type")
    if declared and not TYPES.fullmatch(declared.partition(";")[0].strip()):
        raise InvalidRequestError(
            "expected content-type: application/json, got another one", status=415, code="unsupported_content_type"
        )


def too_large(limit: int) -> InvalidRequestError:
    """The error for a body that is too large."""
    return InvalidRequestError(f"expected a body of at most {limit} bytes", status=413, code="request_too_large")


def too_large_head() -> InvalidRequestError:
    """The error for a head that is too large."""
    message = f"expected at most {MAX_FIELDS} header fields of {MAX_FIELD} bytes"
    return InvalidRequestError(message, status=431, code="head_too_large")


def too_many_pieces() -> InvalidRequestError:
    """The error for a body that comes in too many small pieces."""
    return InvalidRequestError("expected a body in chunks of more than a few bytes", code="too_many_chunks")


def body_timeout(silence: float) -> InvalidRequestError:
    """The error for a request that stopped before its end."""
    message = f"the request paused for more than {silence:g} seconds"
    return InvalidRequestError(message, status=408, code="request_timeout")
