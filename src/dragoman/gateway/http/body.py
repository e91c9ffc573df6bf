"""A body as it comes in: pieces of any size, in memory of about theirs. Knows no request and no server."""

from msgspec import Struct, field

SMALL = 4 << 10
"""Bytes of a piece that is kept as it came; smaller ones are put together, as each would take 33 bytes more."""

FREE, LEAST = 1 << 16, 64
"""Pieces that a body may come in; if there are more, they have 64 bytes on average. Each costs half a microsecond."""


class Pieces(Struct):
    """Of one body. `size`: bytes so far, also those that nobody keeps."""

    pieces: list[bytes | bytearray] = field(default_factory=list)
    size: int = 0
    count: int = 0

    def add(self, piece: bytes) -> bool:
        """Keeps a piece, which `size` counts already; False if they are too many and too small."""
        pieces = self.pieces
        self.count += 1
        if len(piece) >= SMALL or not pieces:
            pieces.append(piece)
        elif isinstance(last := pieces[-1], bytearray):
            last += piece
        else:
            pieces.append(bytearray(piece))
        return self.count <= FREE or self.count * LEAST <= self.size
