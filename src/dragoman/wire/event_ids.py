r"""The events of a stream of server-sent events, each with its number. Knows no vendor.

    data: {"a":1}\n\n           ──>   id: 7f3c:1\ndata: {"a":1}\n\n     event 1
    : a comment\n\n             ──>   : a comment\n                     no event: it has no number
    data: {"a":2}\n\n           ──>   id: 7f3c:2\ndata: {"a":2}\n\n     event 2

A comment loses its blank line, because OpenAI's and Anthropic's programs for Python take each blank line after an `id`
for an event without data, and fail at it (seen 2026-11-26, openai 2.x, `SSEDecoder.decode`). An `id` of the service's
own is left out: the last one would hold. Without a name nothing is changed, and the events are counted alone.
"""

import re

from msgspec import Struct

from dragoman.wire.sse import blank_line

DATA = re.compile(rb"(?:\A|[\r\n])data[:\r\n]")
"""A line with data: only blocks that have one are events."""
OWN_ID = re.compile(rb"id(?<![^\r\n]id)(?::[^\r\n]*)?(?:\r\n|\r|\n)")
"""The line `id: …`. It begins with the word, for which a search is far faster than for the beginnings of lines."""
COMMENT = re.compile(rb"^:[^\r\n]*", re.MULTILINE)
LINE_ENDS = b"\r\n"
HALF = (b"\r\r", b"\n\r")
"""Ends that `blank_line` does not take for one, since a LF might follow. Services that write whole events send none."""


class NumberedEvent(Struct, frozen=True, gc=False):
    """An event as it goes out; of what is no event, such as a comment, `number` is that of the event before it."""

    number: int
    data: bytes
    counted: bool = True
    """Whether it is an event."""


class EventIds:
    """Numbers the events of one stream, from 1. `name`: what stands before the number; empty: nothing is inserted."""

    def __init__(self, name: str = "") -> None:
        self._name = name.encode()
        self._tail = b""
        self.count = 0
        """How many events have come."""

    def feed(self, data: bytes) -> list[NumberedEvent]:
        """The events that `data` completes."""
        if self._tail:
            data, self._tail = self._tail + data, b""
        out: list[NumberedEvent] = []
        at = 0
        while (end := blank_line(data, at)) > 0:
            self._event(data[at:end], out)
            at = end
        rest = data[at:]
        if rest.endswith(HALF):
            self._event(rest, out)
        else:
            self._tail = rest
        return out

    def finish(self) -> list[NumberedEvent]:
        """What no blank line ended."""
        rest, self._tail = self._tail, b""
        out: list[NumberedEvent] = []
        if rest:
            self._event(rest, out)
        return out

    def quiet(self, data: bytes) -> bytes:
        """A heartbeat in the form in which it may stand between two events of this stream."""
        return data.rstrip(LINE_ENDS) + b"\n" if self._name and data.startswith(b":") else data

    def _event(self, block: bytes, out: list[NumberedEvent]) -> None:
        if DATA.search(block) is None:
            said = b"".join(line + b"\n" for line in COMMENT.findall(block)) if self._name else block
            if said:
                out.append(NumberedEvent(self.count, said, counted=False))
            return
        self.count += 1
        if self._name:
            own = OWN_ID.sub(b"", block.lstrip(LINE_ENDS))
            block = b"id: %b:%d\n%b" % (self._name, self.count, own)
        out.append(NumberedEvent(self.count, block))
