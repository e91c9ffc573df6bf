"""The buffer that all sockets of one event loop read into, and how much one read may bring. Knows no HTTP."""

NARROW = 32 << 10
"""Bytes of one read, far more than any event has. A stream whose reader is slow holds what was read last for a
long time: with the 256 KiB that event loops read at once, each such stream would cost as much."""

WIDE = 256 << 10
"""Bytes of one read for a reader that has proved to be fast."""

UNREAD = 8 << 10
"""Bytes that may be unread before reading pauses, if the reader is a task: it takes them in its next turn. With a
listener that leaves bytes, reading pauses at once. The last read may go beyond."""

PROOF = 16 << 20
"""Bytes after which a reader that has not paused is fast. More than the buffers of two sockets hold (on Linux 4 MiB to
send and 6 MiB to receive): these take a while to fill, even if nobody reads."""

LONG = 0.001
"""Seconds that it takes at most, as a rule, to deal with a read that has filled the buffer. After a longer one others
are served before the next."""


class Buffer:
    """One for all connections of a loop, because each read is copied out of it before the next."""

    __slots__ = ("narrow", "wide")

    def __init__(self) -> None:
        self.wide = memoryview(bytearray(WIDE))
        self.narrow = self.wide[:NARROW]
