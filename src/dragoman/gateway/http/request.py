"""One request as it arrives. Knows no connection."""

from typing import Generic, TypeVar

from dragoman.gateway.http.body import Pieces
from dragoman.gateway.http.http_writer import HttpResponseWriter
from dragoman.types import ServerRequest

Admitted = TypeVar("Admitted")
"""What a service returns for a request that it admits. Nothing in this room looks into it."""


class Request(Pieces, Generic[Admitted], kw_only=True):
    """A request as it arrives, and the pieces of its body."""

    call: ServerRequest
    http_1_1: bool = True
    keep_alive: bool = True
    upgrade: bool = False
    """It asked for another protocol."""
    admitted: Admitted | None = None
    writer: HttpResponseWriter | None = None
    """Sends its answer; None until its turn comes."""
    draining: bool = False
    """The rest of its body is dropped."""
    complete: bool = False
    """All of it has arrived."""
    packed: bool = False
    """Its body must be unpacked."""


def framing(call: ServerRequest) -> list[tuple[bytes, bytes]]:
    """The header fields that say how long its body is."""
    return [field for field in call.headers if field[0] in {b"content-length", b"transfer-encoding"}]
