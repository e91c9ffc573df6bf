"""Connections to services without a bypass, and with one that counts what passes."""

from msgspec import Struct

from dragoman.transport.base import Bypass
from dragoman.transport.native.connection import Connection


class Parsed(Connection):
    """A connection without a bypass."""

    def open_bypass(self, bypass: Bypass, last: bytes) -> None:
        """Does not open it."""


class Counted(Connection):
    """One that counts the reads that passed by it."""

    __slots__ = ()
    reads = 0

    def open_bypass(self, bypass: Bypass, last: bytes) -> None:
        super().open_bypass(Counting(bypass), last)


class Counting(Struct):
    """A bypass that counts."""

    bypass: Bypass

    def take(self, data: bytes, now: float) -> bool:
        taken = self.bypass.take(data, now)
        Counted.reads += taken
        return taken
