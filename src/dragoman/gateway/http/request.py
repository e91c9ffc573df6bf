"""One request as it arrives. Knows no connection."""

from dragoman.gateway.app import Admitted
from dragoman.gateway.http.caller import HttpCaller
from dragoman.types import HttpCall

SMALL = 4 << 10
"""Bytes of a piece that is kept as it came; smaller ones are put together, as each would take 33 bytes more."""

FREE_PIECES, LEAST = 1 << 16, 64
"""Pieces that a body may come in; if there are more, they have 64 bytes on average. Each costs half a microsecond."""


class Request:
    """A request as it arrives.

    `upgrade`: it asked for another protocol. `discarded`: the rest of its body is dropped. `whole`: all of it is here.
    `packed`: its body must be unpacked.
    """

    modern = True
    keep = True
    upgrade = False
    admitted: Admitted | None = None
    caller: HttpCaller | None = None
    size = 0
    discarded = False
    whole = False
    packed = False
    _count = 0

    def __init__(self, call: HttpCall) -> None:
        self.call = call
        self.pieces: list[bytes | bytearray] = []

    def add(self, piece: bytes) -> bool:
        """Keeps a piece of the body; False where it comes in pieces too many and too small."""
        pieces = self.pieces
        self._count += 1
        if len(piece) >= SMALL or not pieces:
            pieces.append(piece)
        elif isinstance(last := pieces[-1], bytearray):
            last += piece
        else:
            pieces.append(bytearray(piece))
        return self._count <= FREE_PIECES or self._count * LEAST <= self.size


def framing(call: HttpCall) -> list[tuple[bytes, bytes]]:
    """The fields that say how long its body is."""
    return [field for field in call.headers if field[0] in {b"content-length", b"transfer-encoding"}]
