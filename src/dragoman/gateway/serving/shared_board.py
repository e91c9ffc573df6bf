"""The board of the workers of one gateway: memory that they share since before they were made. Knows no target.

    slot    tag, until        two numbers of eight bytes

A name's digest says which slot is its own, so that workers need not agree on anything, also if some of them have a
newer configuration. Two names may have the same slot: the one that is written last has it, and the other's hint is
lost. Nothing is locked: a number of eight bytes is written at once, and the tag is written while the time is 0.
"""

import mmap
from hashlib import blake2b

from dragoman.routing.board import Board, Hint

SLOTS = 1 << 12
"""64 KiB: of a hundred targets in trouble at once, with two hints each, five lose one."""
SIZE = 16 * SLOTS


class SharedBoard(Board):
    """A board for this process and for all that it forks from now on."""

    def __init__(self) -> None:
        memory = mmap.mmap(-1, SIZE)
        self._tags = memoryview(memory).cast("Q")
        self._times = memoryview(memory).cast("d")

    def hint(self, name: str) -> Hint:
        return Slot(self._tags, self._times, name)


class Slot(Hint):
    """The slot of one name."""

    __slots__ = ("_at", "_tag", "_tags", "_times")

    def __init__(self, tags: "memoryview[int]", times: "memoryview[float]", name: str) -> None:
        digest = int.from_bytes(blake2b(name.encode(), digest_size=10).digest())
        self._tags, self._times = tags, times
        self._tag = digest >> 16
        self._at = 2 * (digest % SLOTS)

    def read(self) -> float:
        return self._times[self._at + 1] if self._tags[self._at] == self._tag else 0.0

    def write(self, until: float) -> None:
        if self._tags[self._at] != self._tag:
            self._times[self._at + 1] = 0.0
            self._tags[self._at] = self._tag
        self._times[self._at + 1] = until
