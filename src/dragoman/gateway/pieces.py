"""A body as it comes in: pieces of any size, in memory of about theirs. Knows no request and no server."""

SMALL = 4 << 10
"""Bytes of a piece that is kept as it came; smaller ones are put together, as each would take 33 bytes more."""

FREE, LEAST = 1 << 16, 64
"""Pieces that a body may come in; if there are more, they have 64 bytes on average. Each costs half a microsecond."""


class Pieces:
    """Of one body. `size`: bytes so far, also those that nobody keeps."""

    size = 0
    _count = 0

    def __init__(self) -> None:
        self.pieces: list[bytes | bytearray] = []

    def add(self, piece: bytes) -> bool:
        """Keeps a piece, which `size` counts already; False where they are too many and too small."""
        pieces = self.pieces
        self._count += 1
        if len(piece) >= SMALL or not pieces:
            pieces.append(piece)
        elif isinstance(last := pieces[-1], bytearray):
            last += piece
        else:
            pieces.append(bytearray(piece))
        return self._count <= FREE or self._count * LEAST <= self.size
