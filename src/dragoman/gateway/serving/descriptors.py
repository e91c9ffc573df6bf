"""The file descriptors of this process: how many there may be, and when callers are turned away. Knows no HTTP.

The kernel gives the lowest number that is free, so the number of a new connection shows how many are in use. Some of
them are kept from callers: connections to services need some, and so do callers while they are told that there is no
room. Callers are accepted several in a row, and only afterwards it is seen which numbers they have got: so fewer are
accepted at once than descriptors are kept.
"""

import sys
from contextlib import suppress

from msgspec import Struct

AT_ONCE = 1024
"""Callers that are accepted in a row: a tenth of a second of work for the loop."""

UNLIMITED = 1 << 30

KEPT, SHARE, MOST_KEPT = 2048, 20, 4
"""KEPT descriptors and one in SHARE are kept from callers, but at most one in MOST_KEPT. What they are needed for grows
with a burst of callers, which is a matter of moments, and hardly with how many are open."""


class Room(Struct, frozen=True):
    """How many descriptors there are."""

    limit: int
    most: int
    """From this number on, a caller is turned away."""
    enough: int
    """Below this number there is room again."""
    at_once: int
    """Callers that may be accepted in a row."""
    parting: int
    """Callers that may have been turned away and not have left yet."""


def room() -> Room:
    """The descriptors of this process."""
    return room_of(_limit())


def room_of(limit: int) -> Room:
    """`limit` descriptors."""
    kept = min(KEPT + limit // SHARE, limit // MOST_KEPT)
    most = limit - kept
    few = max(1, kept // 4)
    return Room(limit, most, most - few, min(AT_ONCE, 2 * few), few)


def _limit() -> int:
    if sys.platform != "win32":  # Windows has no such module, and no such limit
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY:
            return soft
    return UNLIMITED


def raise_limit() -> None:
    """Raises the soft limit to the hard one: it is low only because of programs that use select(2)."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # macOS reports that there is no limit, but does not accept that number: there the soft limit stays.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
