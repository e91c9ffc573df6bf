r"""Events that are alike except for a text and a few numbers or names: known by their form, without being decoded.

    {"model":"m","created_at":"2026-11-26T15:00:00Z","message":{"content":"Hello"},"done":false}\n
    └──────── fixed ──────────┘       hole         └──────── fixed ───────┘ hole  └──── fixed ──┘

A service writes all events that hold a piece of text alike, except for these holes. If one was decoded, others of its
form say the same, with another text: a failure, an end or a call would need other fixed pieces. If nothing but the text
differs, a lane does the same in another way (see `lane`).

What a form misses costs time alone: it is decoded like any other event. Escapes are not checked further: a wrong `\u12`
passes as the service sent it.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct

from dragoman.protocols.streams.lane import INSIDE, NOTHING, NOTHING_HERE, Taken

NUMBER = rb"\d++"


class Form(Struct, frozen=True, gc=False):
    """Events that are alike except for the inside of their holes, one of which is a text.

    `fixed`: what stands before, between and after the holes. `row` matches events with pieces of these lengths, and has
    a group of each; it compares later events with the groups, which is faster than to look for pieces by a pattern.
    """

    fixed: tuple[bytes, ...]
    row: re.Pattern[bytes]
    text: re.Pattern[bytes]
    """Matches one event of a row, with a group of its text."""

    def holds(self, data: bytes) -> bool:
        """True if `data` is one such event, or a row of them, and nothing else."""
        found = self.row.fullmatch(data)
        return found is not None and found.groups() == self.fixed

    def resembles(self, event: bytes) -> bool:
        """True if `event` is such an event; of a form no text is odd."""
        return self.holds(event)

    def fits(self, data: bytes, begin: int, end: int) -> bool:
        """The same for the bytes from `begin` to `end` (see `lane.Shape`)."""
        found = self.row.fullmatch(data, begin, end)
        return found is not None and found.groups() == self.fixed

    def length(self, data: bytes, at: int) -> int:
        """How many bytes of `data`, from the event that begins at `at`, are such events; -1 as in `take`."""
        if not data.startswith(self.fixed[0], at):
            return 0
        found = self.row.match(data, at)
        return found.end() - at if found is not None and found.groups() == self.fixed else -1

    def take(self, data: bytes, at: int) -> Taken:
        """See TextRows."""
        length = self.length(data, at)
        if length <= 0:
            return NOTHING if length == 0 else NOTHING_HERE
        return self.text.findall(data, at, at + length), length


def form(event: bytes, holes: Sequence[tuple[int, int]], kinds: tuple[bytes, ...]) -> Form:
    """The form of events like `event`.

    `holes`: where what may differ begins and ends, in order; `kinds`: a pattern for the inside of each. Just one is
    INSIDE, which is the text.
    """
    fixed, at = [], 0
    for begin, end in holes:
        fixed.append(event[at:begin])
        at = end
    fixed.append(event[at:])
    return Form(tuple(fixed), *_compiled(tuple(map(len, fixed)), kinds))


@lru_cache(maxsize=256)
def _compiled(lengths: tuple[int, ...], kinds: tuple[bytes, ...]) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """The patterns of a form. Services write their events in few ways, with ids of one length each."""
    first, later, text = b"", b"", b""
    for number, (length, kind) in enumerate(zip(lengths, (*kinds, b""), strict=True), start=1):
        first += b"(.{%d})%b" % (length, kind)
        later += b"\\%d%b" % (number, kind)
        text += b".{%d}%b" % (length, b"(%b)" % kind if kind == INSIDE else kind)
    return re.compile(b"%b(?:%b)*+" % (first, later), re.DOTALL), re.compile(text, re.DOTALL)
