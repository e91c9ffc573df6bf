"""What reads of one event loop go into, and how much one read may bring. Knows nothing of what is read."""

NARROW = 32 << 10
"""Bytes of one read. What is read and cannot be passed on is held for as long as a slow reader likes, so that this, and
not the 256 KiB that event loops read at once, is what a stream may cost: far more than any event has."""

WIDE = 256 << 10
"""Bytes of one read for a reader that has proved to be fast."""

PROOF = 16 << 20
"""Bytes that a reader has taken without a pause: more than the sockets' own buffers hold (Linux gives 4 MiB to send and
6 MiB to receive), which take a while to fill even if nobody reads."""


class Buffer:
    """One for all connections of a loop: what a read brought is copied out before the next."""

    __slots__ = ("narrow", "wide")

    def __init__(self) -> None:
        self.wide = memoryview(bytearray(WIDE))
        self.narrow = self.wide[:NARROW]
