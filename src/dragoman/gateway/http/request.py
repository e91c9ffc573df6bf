"""One request as it arrives. Knows no connection."""

from typing import Generic, TypeVar

from dragoman.gateway.http.body import Pieces
from dragoman.gateway.http.caller import HttpCaller
from dragoman.types import ServerRequest

Admitted = TypeVar("Admitted")
"""What a service hands out for a request that it admits. Nobody here looks into it."""


class Request(Pieces, Generic[Admitted], kw_only=True):
    """A request as it arrives, and the pieces of its body.

    `upgrade`: it asked for another protocol. `draining`: the rest of its body is dropped. `whole`: all of it is here.
    `packed`: its body must be unpacked.
    """

    call: ServerRequest
    http_1_1: bool = True
    keep: bool = True
    upgrade: bool = False
    admitted: Admitted | None = None
    caller: HttpCaller | None = None
    draining: bool = False
    whole: bool = False
    packed: bool = False


def framing(call: ServerRequest) -> list[tuple[bytes, bytes]]:
    """The fields that say how long its body is."""
    return [field for field in call.headers if field[0] in {b"content-length", b"transfer-encoding"}]
