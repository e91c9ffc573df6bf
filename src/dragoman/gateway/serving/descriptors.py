"""The descriptors of this process: how many there may be, and who is turned away when they run out. Knows no HTTP.

The kernel gives the lowest number that is free, so the number of a connection just accepted tells how many are in use.
A quarter of them is not for callers: their services need some, and so do those who are told that there is no room. When
the last one is gone, libuv accepts callers and closes them without a word
(https://github.com/libuv/libuv/blob/v1.x/src/unix/stream.c, uv__emfile_trick), and it accepts as many in a row as wait
to be: that is why fewer may wait than are kept back.
"""

import sys
from contextlib import suppress

from msgspec import Struct

BACKLOG = 4096
"""Connections that may wait to be accepted; the kernel caps it at its own somaxconn."""

UNLIMITED = 1 << 30


class Room(Struct, frozen=True):
    """How many descriptors there are.

    `most`: from this one on, a caller is turned away. `enough`: below it, there is room again. `backlog`: connections
    that may wait to be accepted. `parting`: callers that are turned away and have not left yet.
    """

    limit: int
    most: int
    enough: int
    backlog: int
    parting: int


def room() -> Room:
    """What this process has."""
    limit = _limit()
    most = limit - limit // 4
    few = max(1, limit // 16)
    return Room(limit, most, most - few, min(BACKLOG, 2 * few), few)


def _limit() -> int:
    if sys.platform != "win32":  # which has no such module, and no such limit
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY:
            return soft
    return UNLIMITED


def raise_limit() -> None:
    """Takes as many as this user may have: the soft limit is low for the sake of programs that live on select(2)."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # macOS says that there is no limit, and takes no such number: there, what there is will do.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
