"""Requests whose body is packed. Knows no route, no protocol and no server."""

import asyncio

from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.types import ServerRequest
from dragoman.wire.coding import MAX_UNPACKED, DamagedError, ExpandsError, Unpacker

CODINGS = ("gzip", "x-gzip", "deflate", "zstd")
"""Encodings that are read, one at a time: those that agents and SDKs send. To pack twice only serves to hide a bomb."""

PLAIN = frozenset({"", "identity"})
HEADERS = frozenset({b"content-encoding", b"content-length"})
"""Fields that are no longer true once the body is unpacked."""

AT_ONCE = 16 << 10
"""Packed bytes that are unpacked in the loop: they become three MiB at most, in ten milliseconds."""


def coding(call: ServerRequest) -> str:
    """The encoding of its body; empty if it is not packed. Raises InvalidRequestError (415) for an unknown one."""
    fields = [value for name, value in call.headers if name == b"content-encoding"]
    if not fields:
        return ""
    words = [word.strip().lower() for value in fields for word in value.decode("latin-1").split(",")]
    if PLAIN.issuperset(words):
        return ""
    if len(words) == 1 and words[0] in CODINGS:
        return words[0]
    raise InvalidRequestError(
        f"expected no content-encoding, or one of {', '.join(CODINGS)}",
        status=415,
        code="unsupported_content_encoding",
    )


async def unpacked(call: ServerRequest, limit: int) -> ServerRequest:
    """`call` with its body unpacked, and a head that fits. A large body is unpacked in a thread, not in the loop.

    Raises InvalidRequestError: 413 if it has more than `limit` bytes, or expands more than any text; 400 if it is
    damaged.
    """
    known = coding(call)
    if not known:
        return call
    if len(call.body) > AT_ONCE:
        body = await asyncio.to_thread(_unpack, call.body, known, limit)
    else:
        body = _unpack(call.body, known, limit)
    headers = tuple(field for field in call.headers if field[0] not in HEADERS)
    return replace(call, headers=headers, body=body)


def _unpack(body: bytes, known: str, limit: int) -> bytes:
    unpacker = Unpacker(known, min(limit, MAX_UNPACKED))
    try:
        plain = b"".join(unpacker.feed(body))
    except ExpandsError as exc:
        raise InvalidRequestError(str(exc), status=413, code="request_too_large") from exc
    except DamagedError as exc:
        raise InvalidRequestError(str(exc), code="damaged_content_encoding") from exc
    if not unpacker.whole:
        message = f"the {known} body ends before its own end"
        raise InvalidRequestError(message, code="damaged_content_encoding")
    return plain
