"""Limits that hold for every request: its size and its type. Knows no route, no protocol and no server."""

import re

from msgspec import Struct

from dragoman.config.limits import MAX_BODY, MAX_FIELD, MAX_FIELDS, MAX_HEAD
from dragoman.errors import InvalidRequestError
from dragoman.gateway.http.unpacking import coding
from dragoman.types import ServerRequest

LAST = frozenset({408, 413, 415, 431})
"""Statuses after which the connection ends: the rest of such a request is not worth reading."""

MAX_DISCARDED = 64 << 20
"""Bytes of a request that are read after its refusal; `ServerTimeouts.linger` says why."""

TYPES = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?json", re.ASCII | re.IGNORECASE)
"""Media types of JSON. A page may send others (forms, text/plain) to any site without a preflight request."""


class RequestLimits(Struct, frozen=True):
    """The largest request that is read; `config.limits` gives the reasons."""

    body: int = MAX_BODY
    """Bytes, also once it is unpacked."""
    head: int = MAX_HEAD
    """Bytes, and those that frame a body between two pieces."""
    fields: int = MAX_FIELDS
    """The number of header fields."""
    field: int = MAX_FIELD
    """Bytes of one of them, or of path and query."""


def check_head_limits(call: ServerRequest, limits: RequestLimits) -> InvalidRequestError | None:
    """What is wrong with the size of a head; None if nothing is."""
    size = len(call.path) + len(call.query)
    if len(call.headers) > limits.fields or size > limits.field:
        return too_large_head(limits)
    for name, value in call.headers:
        size += len(name) + len(value)
        if len(value) > limits.field or size > limits.head:
            return too_large_head(limits)
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


def too_large_head(limits: RequestLimits) -> InvalidRequestError:
    """The error for a head that is too large."""
    message = (
        f"expected a head of at most {limits.head} bytes, with at most {limits.fields} header fields, "
        f"and at most {limits.field} bytes in each of them and in the URL"
    )
    return InvalidRequestError(message, status=431, code="head_too_large")


def too_many_pieces() -> InvalidRequestError:
    """The error for a body that comes in too many small pieces."""
    return InvalidRequestError("expected a body in chunks of more than a few bytes", code="too_many_chunks")


def body_timeout(silence: float) -> InvalidRequestError:
    """The error for a request that stopped before its end."""
    message = f"the request paused for more than {silence:g} seconds"
    return InvalidRequestError(message, status=408, code="request_timeout")
