"""The short way for events that say a piece of text and nothing else, which is nearly all of a stream.

A service writes all such events alike: they differ in the text alone. Once one of them has been decoded, what stands
before its text and what stands behind it is known, and a read that is made of nothing but events of this form needs no
decoding: by counting it is found out that there is nothing else in it. What a count cannot tell is decoded.
"""

import re

from msgspec import Struct

TEXT = re.compile(rb'"(?:content|reasoning_content|reasoning|arguments)":"((?:[^"\\]|\\.)*)"', re.DOTALL)
"""A field that holds a piece of text; the JSON that it stands in was decoded, and is in order."""


class Lane(Struct, frozen=True):
    """Events that begin with `before`, end with `after`, and have one text within; two of them meet at `between`."""

    before: bytes
    after: bytes
    between: bytes
    quotes: int

    def holds(self, data: bytes) -> bool:
        """True if `data` is a row of such events and nothing else.

        Each event has two line ends, both at its end, so that `between` stands at all of them but the last. Its quotes
        are those of `before` and `after`, so that its text has none that ends it.
        """
        if not (data.startswith(self.before) and data.endswith(self.after)):
            return False
        lines = data.count(b"\n")
        count = lines >> 1
        if lines & 1 or b"\r" in data:
            return False
        if count > 1:
            if data.count(self.between) != count - 1:
                return False
        elif len(data) < len(self.before) + len(self.after):
            return False
        quotes = data.count(b'"')
        if b"\\" not in data:
            return quotes == count * self.quotes
        # Escaped quotes end no text. Behind an escaped backslash a quote is not escaped, which a count cannot tell.
        return b"\\\\" not in data and quotes - data.count(b'\\"') == count * self.quotes

    def length(self, data: bytes, at: int) -> int:
        """How many bytes of `data`, from the event that begins at `at`, are such events."""
        if not data.startswith(self.before, at):
            return 0
        end = data.rfind(self.after, at) + len(self.after)
        return end - at if end > at and self.holds(data[at:end]) else 0


def lane(event: bytes) -> Lane | None:
    """The lane of `event`, which said one piece of text and nothing else; None if it is written in an unusual way."""
    found = TEXT.search(event)
    if found is None or event.count(b"\n") != 2 or not event.endswith(b"}\n\n") or b"\\" in event[: found.start(1)]:
        return None
    before, after = event[: found.start(1)], event[found.end(1) :]
    if b"\\" in after or not before.startswith(b"data:"):
        return None
    return Lane(before, after, after + before, before.count(b'"') + after.count(b'"'))
