r"""A fast test for events that hold a piece of text and nothing else: nearly all events of a stream do.

A service writes all such events in the same way; they differ in the text alone:

    data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n
    └──────────────────────── before ─────────────────────────┘     └ after ┘
                                                    └─ name ──┘

A lane keeps `before` and `after` of one event that was decoded and held only a text. If other bytes begin with `before`
and end with `after`, and between the two stands the inside of a JSON string, they are such an event too. It cannot hold
a failure, an end or a usage: each of these would need a quotation mark that ends the string, and there is none.

A row of events is split at `name`: the field's name, and the quotation marks around it. It cannot occur in a text,
because there its quotation marks are escaped. Each piece must then end with what stands between two texts, which is
`after` and `before` without the name. The texts of a row are checked together, with a NUL between them: JSON strings
have no NUL.

A tap asks whether events fit; a decoder also wants their texts (`take`), to decode all of them in one step.

What may be missed: a text that ends with an escaped backslash does not match. Such an event is decoded like any other,
so nothing is lost but time. Escapes are not checked further: a wrong `\u12` passes as the service sent it.
"""

import re
from itertools import repeat
from operator import itemgetter
from typing import Protocol

from msgspec import Struct

from dragoman.wire.lines import CR, LF

BACKSLASH, QUOTE = b'\\"'
ESCAPED = re.compile(rb'[^"\\\r\n]*+(?:\\[^\0\r\n][^"\\\r\n]*+)*+')
"""Texts with quotation marks in them, all of them escaped. A NUL separates the texts."""


PLAIN = rb'[^"\\\x00-\x1f]*+'
"""The inside of a JSON string without escapes."""
INSIDE = PLAIN + rb"(?:\\[^\x00-\x1f]" + PLAIN + rb")*+"
"""The inside of any JSON string. Escapes are not checked further."""

_is_inside = re.compile(INSIDE).fullmatch

Taken = tuple[list[bytes], int]
"""The insides of JSON strings, one of each event; and how many bytes the events have. The list is not to be changed."""

NOTHING: Taken = ([], 0)
NOTHING_HERE: Taken = ([], -1)


class TextRows(Protocol):
    """Events of one stream that are known by their form to hold a piece of text and nothing else."""

    def take(self, data: bytes, at: int) -> Taken:
        """The events of `data` from the one that begins at `at` on; 0 bytes if that is none of them.

        Negative if it looks like one and is not: then another search in the same bytes would be a waste.
        """


class Shape(Protocol):
    """What is fixed in events that are known by their form to hold a piece of text and nothing else."""

    def fits(self, data: bytes, begin: int, end: int) -> bool:
        """True if the bytes of `data` from `begin` to `end` are one such event, or a row of them; it may miss some."""


class Known(TextRows, Shape, Protocol):
    """The form of events that hold a piece of text and nothing else: what may differ in them, and what may not."""

    def holds(self, data: bytes) -> bool:
        """True if `data` is one such event, or a row of them, and nothing else."""

    def length(self, data: bytes, at: int) -> int:
        """How many bytes of `data`, from the event that begins at `at`, are such events; 0 or less as in TextRows."""

    def resembles(self, event: bytes) -> bool:
        """True if `event` differs from such events in its text alone, even if that has an odd form."""


class Lane(Struct, frozen=True, gc=False):
    """Events that begin with `before` (which ends with `name`) and end with `after`."""

    before: bytes
    after: bytes
    name: bytes

    def holds(self, data: bytes) -> bool:
        """See Known."""
        before, after = self.before, self.after
        return (
            data.startswith(before)
            and data.endswith(after)
            and len(data) >= len(before) + len(after)
            and self._holds(data[len(before) : -len(after)])
        )

    def fits(self, data: bytes, begin: int, end: int) -> bool:
        """See Shape: one event, of which `holds` is true."""
        begin += len(self.before)
        last = end - len(self.after)
        return (
            begin <= last
            and data.startswith(self.before, begin - len(self.before))
            and data.startswith(self.after, last)
            and _is_inside(data, begin, last) is not None
            and data[last - 1] != BACKSLASH
        )

    def take(self, data: bytes, at: int) -> Taken:
        """See TextRows."""
        if not data.startswith(self.before, at):
            return NOTHING
        begin, end = at + len(self.before), data.rfind(self.after, at)
        texts = self._texts(data[begin:end]) if end >= begin else None
        return NOTHING_HERE if texts is None else (texts, end + len(self.after) - at)

    def length(self, data: bytes, at: int) -> int:
        """See Known."""
        if not data.startswith(self.before, at):
            return 0
        begin, end = at + len(self.before), data.rfind(self.after, at)
        return end + len(self.after) - at if end >= begin and self._holds(data[begin:end]) else -1

    def resembles(self, event: bytes) -> bool:
        """See Known."""
        return event.startswith(self.before) and event.endswith(self.after)

    def pieces(self, pieces: list[bytes], at: int) -> tuple[bytes, int]:
        """Those of `pieces`, from the one at `at` on, that are one event of this lane each: joined, and how many.

        0 if the first is none, or if other events stand between them.
        """
        before, after = self.before, self.after
        if not pieces[at].startswith(before):
            return b"", 0
        end = len(pieces)
        while end > at and not (pieces[end - 1].startswith(before) and pieces[end - 1].endswith(after)):
            end -= 1  # the last events of an answer are of other kinds
        row = pieces[at:end]
        texts = list(map(itemgetter(slice(len(before), -len(after))), row))
        data = b"".join(row)
        # The row is built again from its texts and compared, which is faster than to search for the limits of each.
        if (
            len(data) >= len(before) + len(after)
            and (after + before).join(texts) == data[len(before) : -len(after)]
            and _are_texts(b"\0".join(texts))
        ):
            return data, end - at
        return b"", 0

    def _holds(self, text: bytes) -> bool:
        """The same for what stands between the first event's `before` and the last one's `after`."""
        return self._texts(text) is not None

    def _texts(self, text: bytes) -> list[bytes] | None:
        """The texts in what stands between the first event's `before` and the last one's `after`; None if others do."""
        if LF not in text:
            return [text] if _are_texts(text) else None
        between = self.after + self.before.removesuffix(self.name)
        pieces = text.split(self.name)
        last = pieces.pop()
        texts = [*map(bytes.removesuffix, pieces, repeat(between)), last]
        joined = b"\0".join(texts)
        # Each piece except the last must have lost `between`, and the name that it was split at; a NUL was added.
        if len(text) - len(joined) != len(pieces) * (len(between) + len(self.name) - 1):
            return None
        return texts if _are_texts(joined) else None


def _are_texts(text: bytes) -> bool:
    """True if texts, with a NUL between two of them, may stand inside of JSON strings."""
    if QUOTE in text:
        return ESCAPED.fullmatch(text) is not None
    if BACKSLASH in text and (text.endswith(b"\\") or text.find(b"\\\0") >= 0):
        return False
    return not (LF in text or CR in text)
