"""A prompt as digests of its regions, and where two of them differ first. Knows no protocol, no clock and no caller.

A fingerprint has a digest for the tools, for the system, for the settings and for each message, one after another. A
service can use what it has cached of an earlier prompt up to the first of them that differs:

    earlier    tools  system  settings  message 0  message 1
    later      tools  system  settings  message 0  other      message 2        differs at message 1

The digests are keyed, so that nobody who reads them can find out a prompt by trying.
"""

from hashlib import blake2b

from msgspec import Struct

from dragoman.protocols.prompt_regions import PromptRegions
from dragoman.types.cache_use import CacheReason
from dragoman.wire.steps import Steps

SIZE = 16
"""Bytes of a digest: two of a thousand million texts have the same one in 1 of 10^21 cases."""
NONE = bytes(SIZE)
"""Stands for a region in which there is nothing."""
STEP = 256 << 10
"""Bytes of messages after which others are served: one step takes some milliseconds."""
REGIONS: tuple[CacheReason, ...] = ("tools", "system", "settings")
"""The regions before the messages."""
HEAD = len(REGIONS) * SIZE


class Fingerprint(Struct, frozen=True, gc=False):
    """The digests of a prompt."""

    digests: bytes
    """SIZE bytes for each region."""
    start: int
    """The place of the first message in the caller's own list."""

    @property
    def first_message(self) -> bytes:
        """The digest of the first message; NONE if there is none besides the system's."""
        return self.digests[HEAD : HEAD + SIZE] or NONE


def fingerprint(regions: PromptRegions, key: bytes) -> Steps[Fingerprint]:
    """The digests of `regions`. `key`: at most 64 bytes that nobody else knows.

    Raises InvalidRequestError at a message that cannot be read.
    """
    digests = [_digest(part, key) for part in (regions.tools, regions.system, regions.settings)]
    size = 0
    for message in regions.messages:
        digests.append(_digest(message, key))
        size += len(message)
        if size > STEP:
            yield
            size = 0
    return Fingerprint(b"".join(digests), regions.start)


def shared(earlier: Fingerprint, later: Fingerprint) -> int:
    """How many regions are the same, from the beginning."""
    return _same(earlier.digests, later.digests)


def shared_messages(earlier: Fingerprint, later: Fingerprint) -> int:
    """How many messages are the same, from the first one, whatever stands before them."""
    return _same(earlier.digests[HEAD:], later.digests[HEAD:])


def is_prefix(earlier: Fingerprint, later: Fingerprint) -> bool:
    """Whether `later` begins with all of `earlier`."""
    return later.digests.startswith(earlier.digests)


def differs(earlier: Fingerprint, later: Fingerprint) -> tuple[CacheReason, int | None] | None:
    """The first region that differs, and the place of the message if it is one. None: one begins with the other."""
    same = shared(earlier, later)
    if same * SIZE == min(len(earlier.digests), len(later.digests)):
        return None
    return (REGIONS[same], None) if same < len(REGIONS) else ("message", same - len(REGIONS) + later.start)


def related(earlier: Fingerprint, later: Fingerprint) -> bool:
    """Whether the two belong to one conversation: with the same first message, or with the same tools and system.

    In one session a program asks for other things as well, such as a title: their prompts have nothing in common.
    """
    first, other = earlier.digests[: 2 * SIZE], later.digests[: 2 * SIZE]
    return first == other != NONE + NONE or earlier.first_message == later.first_message != NONE


def _digest(part: bytes, key: bytes) -> bytes:
    return blake2b(part, digest_size=SIZE, key=key).digest() if part else NONE


def _same(first: bytes, other: bytes) -> int:
    size = min(len(first), len(other))
    if first[:size] == other[:size]:
        return size // SIZE
    return next(i for i in range(0, size, SIZE) if first[i : i + SIZE] != other[i : i + SIZE]) // SIZE
