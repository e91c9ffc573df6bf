"""What a request asks, so that it is known again when it comes twice. Knows no stream."""

from hashlib import blake2b
from typing import ClassVar

from msgspec import Struct

from dragoman.types import ServerRequest

ENDS = 64 << 10
"""Bytes at both ends of a body by which a repeated request is known again: a large one must not hold the loop."""


class Asked(Struct, frozen=True):
    """What makes two requests the same: an answer is never given to another question."""

    path: str
    length: int
    digest: bytes


class PassedRequest(ServerRequest, frozen=True, kw_only=True):
    """A request that another worker has read and passes on, without its body: what it asks is all that is needed."""

    hidden: ClassVar[frozenset[str]] = ServerRequest.hidden | {"asked"}
    asked: Asked
    rest: tuple[int, ...]
    """The places of the workers that get it next, one after another, if this one has no answer to it."""
    http_1_1: bool
    keep_alive: bool
    """Whether its caller wants to go on with the connection."""


def read_asked(call: ServerRequest) -> Asked:
    """What `call` asks."""
    if isinstance(call, PassedRequest):
        return call.asked
    body = call.body
    digest = blake2b(body[:ENDS], digest_size=16)
    digest.update(body[ENDS:][-ENDS:])
    digest.update(call.query.encode())
    return Asked(call.path, len(body), digest.digest())


def passed(call: ServerRequest, rest: tuple[int, ...], *, http_1_1: bool, keep_alive: bool) -> PassedRequest:
    """`call` as another worker gets it."""
    return PassedRequest(
        method=call.method,
        path=call.path,
        scheme=call.scheme,
        query=call.query,
        headers=call.headers,
        asked=read_asked(call),
        rest=rest,
        http_1_1=http_1_1,
        keep_alive=keep_alive,
    )
