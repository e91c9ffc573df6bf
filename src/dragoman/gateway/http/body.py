"""A body as it arrives: pieces of any size, which take little more memory than they have bytes. Knows no request."""

from msgspec import Struct

SMALL = 4 << 10
"""Bytes of a piece that is kept as it came; smaller ones are joined, because each would take 33 bytes more."""

FREE, LEAST = 1 << 16, 64
"""A body of more than FREE pieces must have LEAST bytes in each on average: a piece costs half a microsecond."""


class Pieces(Struct):
    """The pieces of one body."""

    pieces: list[bytes | bytearray] | tuple[()] = ()
    size: int = 0
    """Bytes so far, including those that are not kept."""
    count: int = 0
    """Pieces so far, as they came."""

    def add(self, piece: bytes) -> bool:
        """Keeps a piece, which `size` already includes; False if there are too many small pieces."""
        pieces = self.pieces
        self.count += 1
        if not pieces:
            self.pieces = [piece]
        elif len(piece) >= SMALL:
            pieces.append(piece)
        elif isinstance(last := pieces[-1], bytearray):
            last += piece
        else:
            pieces.append(bytearray(piece))
        return self.count <= FREE or self.count * LEAST <= self.size
