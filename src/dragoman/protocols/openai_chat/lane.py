"""The short way for events that say a piece of text and nothing else, which is nearly all of a stream.

A service writes all such events alike: they differ in the text alone. Once one of them has been decoded, what stands
before its text and what stands behind it is known. Bytes in which these two enclose nothing but a text are such an
event again, with another text: no failure, no end and no usage can be in it, and it need not be decoded. Several in a
row are taken apart at the name of the field that holds the text. A text holds no line end, and no quote that ends it.
"""

import re
from itertools import repeat
from operator import itemgetter

from msgspec import Struct

TEXT = re.compile(
    rb'("(?:content|reasoning_content|reasoning|arguments)":")((?:[^"\\\r\n]|\\[^\r\n])*)"',
)
"""A field that holds a piece of text, in an event that was decoded and is in order."""
USUAL = b'"content":"'
"""As most of them write it."""
ESCAPED = re.compile(rb'(?:[^"\\\r\n]|\\[^\0\r\n])*')
"""Texts with quotes in them, each of them escaped. A NUL separates them."""


class Lane(Struct, frozen=True, gc=False):
    """Events that begin with `before`, whose end is `name`, and end with `after`."""

    before: bytes
    after: bytes
    name: bytes

    def holds(self, data: bytes) -> bool:
        """True if `data` is one such event, or a row of them, and nothing else."""
        before, after = self.before, self.after
        return (
            data.startswith(before)
            and data.endswith(after)
            and len(data) >= len(before) + len(after)
            and self._holds(data[len(before) : -len(after)])
        )

    def length(self, data: bytes, at: int) -> int:
        """How many bytes of `data`, from the event that begins at `at`, are such events."""
        if not data.startswith(self.before, at):
            return 0
        begin, end = at + len(self.before), data.rfind(self.after, at)
        return end + len(self.after) - at if end >= begin and self._holds(data[begin:end]) else 0

    def row(self, pieces: list[bytes], at: int) -> tuple[bytes, int]:
        """Those of `pieces`, from the one at `at` on, that are one such event each, and how many they are.

        None if others stand among them.
        """
        before, after = self.before, self.after
        end = len(pieces)
        while end > at and not (pieces[end - 1].startswith(before) and pieces[end - 1].endswith(after)):
            end -= 1  # what ends an answer is of other kinds
        row = pieces[at:end]
        texts = list(map(itemgetter(slice(len(before), -len(after))), row))
        data = b"".join(row)
        # Made anew of their texts and compared, which looks at far fewer places than a search.
        if (
            len(data) >= len(before) + len(after)
            and (after + before).join(texts) == data[len(before) : -len(after)]
            and _are_texts(b"\0".join(texts))
        ):
            return data, end - at
        return b"", 0

    def _holds(self, text: bytes) -> bool:
        """The same of what stands between the first event's `before` and the last one's `after`."""
        if b"\n" in text:
            between = self.after + self.before.removesuffix(self.name)
            pieces = text.split(self.name)
            last = pieces.pop()
            texts = b"\0".join(map(bytes.removesuffix, pieces, repeat(between)))
            # Each piece but the last was shorter by what stands between two texts, and by the name it was cut at.
            if len(text) - len(texts) - len(last) - 1 != len(pieces) * (len(between) + len(self.name) - 1):
                return False
            text = b"%b\0%b" % (texts, last)
        return _are_texts(text)


def _are_texts(text: bytes) -> bool:
    """True if texts, with a NUL between two of them, are what may stand in JSON's quotes."""
    if b'"' in text:
        return ESCAPED.fullmatch(text) is not None
    return not (b"\n" in text or b"\r" in text or b"\\\0" in text or text.endswith(b"\\"))


def lane(event: bytes) -> Lane | None:
    """The lane of `event`, which said one piece of text and nothing else; None if it is written in an unusual way."""
    if not (event.startswith(b"data:") and event.endswith(b"}\n\n") and event.find(b"\n") == len(event) - 2):
        return None
    name, at = USUAL, event.find(USUAL)
    if at >= 0 and b"\\" not in event:
        at += len(USUAL)
        end = event.find(b'"', at)
    else:
        found = TEXT.search(event)
        if found is None:
            return None
        name, at, end = found[1], found.start(2), found.end(2)
    return Lane(event[:at], event[end:], name)
