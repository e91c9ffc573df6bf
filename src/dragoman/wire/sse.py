"""Server-sent events, read and written. Knows no vendor.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import re
from collections.abc import Iterable

from msgspec import Struct

from dragoman.errors import BadEventError
from dragoman.wire.lines import CR, LF, LineReader, and_raise
from dragoman.wire.utf8 import BOM

MAX_EVENT = 64 << 20
"""Bytes of one event's data: 64 MiB, as much as a whole answer may have. Models send a picture in one event, and those
of today have more than the 4 MiB that other gateways allow."""

MAX_LINES = 65_536
"""Lines of one event, of data or of no field: each takes some microseconds, and an event is read without a pause."""

END = b"\n\n"
DATA = b"\ndata: "
DATA_LINE = b"data: "
_simple = re.compile(rb"(?:event: (.*)\n)?data: (.+)\n\n").match
LINE_END = rb"(?:\r\n|\r(?=[^\n])|\n)"
"""A CR counts only if another byte follows it: it may be the first half of a CRLF."""
BLANK_LINE = re.compile(LINE_END + LINE_END)
"""Written twice, because `re` looks for the first byte of a repeated group in a way that takes four times as long."""


FIELDS = frozenset({b"data", b"event", b"id", b"retry", b""})
"""The standard's fields; a line that begins with a colon is a comment."""


class SseEvent(Struct, frozen=True):
    """One event. `event` is empty if the service named none."""

    data: bytes
    event: bytes = b""
    stray: bool = False
    """True for a line that is not a field of the standard. The standard drops it; some services report failures so."""


class SseReader:
    """Events from bytes cut anywhere. Lines end with LF, CR or CRLF; comments are dropped.

    The standard allows a byte order mark before the first line. Here one before any line is dropped: some streams are
    put together from parts that each begin with one, and readers by the standard miss the first line of each part.
    """

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._lines = LineReader(limit)
        self._after_cr = False
        self._data: list[bytes] = []
        self._size = 0
        self._stray = 0
        """Lines since the last event that are no fields."""
        self._event = b""

    def is_idle(self) -> bool:
        """Whether the next byte begins an event."""
        return not (self._data or self._event or self._after_cr or self._lines.held)

    def feed(self, data: bytes) -> Iterable[SseEvent]:
        """The events that `data` completes. Raises BadEventError, after the good ones, if one passes a limit."""
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if CR in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not data:
            return ()
        events: list[SseEvent] = []
        try:
            for line in self._lines.feed(data):
                if line:
                    if self._field(line):
                        self._count(self._stray)
                        self._stray += 1
                        events.append(SseEvent(line, stray=True))
                elif self._data:
                    events.append(self._take())
                else:
                    self._stray, self._event = 0, b""
        except BadEventError as exc:
            return and_raise(events, exc)
        return events

    def finish(self) -> list[SseEvent]:
        """The event that no blank line ended. The standard discards it; it may be complete all the same."""
        line = self._lines.finish()
        stray = [SseEvent(line, stray=True)] if line and self._field(line) else []
        return [self._take(), *stray] if self._data else stray

    def _take(self) -> SseEvent:
        event = SseEvent(self._data[0] if len(self._data) == 1 else b"\n".join(self._data), self._event)
        self._data = []
        self._size = self._stray = 0
        self._event = b""
        return event

    def _field(self, line: bytes) -> bool:
        """Reads a field; True if the line is not one."""
        name, _, value = line.removeprefix(BOM).partition(b":")
        if name == b"data":
            value = value.removeprefix(b" ")
            self._count(len(self._data))
            self._data.append(value)
            self._size += len(value) + 1
            if self._size > self._limit:
                raise BadEventError(f"expected events of at most {self._limit} bytes", code="upstream_too_large")
        elif name == b"event":
            self._event = value.removeprefix(b" ")
        return name not in FIELDS

    def _count(self, lines: int) -> None:
        """Raises BadEventError if an event that has so many lines may have no other."""
        if lines >= MAX_LINES:
            raise BadEventError(f"expected events of at most {MAX_LINES} lines", code="upstream_too_large")


def usual_event(event: bytes) -> tuple[bytes, bytes] | None:
    """The line with the name, and the data, of a complete event that has one line for each, as nearly all have.

    Lines end with LF. The data has the blank line after it. None for any other event: then an SseReader reads it.
    """
    name, _, data = event.partition(DATA)
    usual = data.endswith(END) and data.find(b"\n") == len(data) - len(END) and CR not in event
    return (name, data) if usual and LF not in name else None


def simple_event(data: bytes, at: int = 0) -> tuple[SseEvent, int] | None:
    """The event of `data` that begins at `at`, and where it ends.

    It is complete, and has one line of data and perhaps one with its name before it, as nearly all have. None for any
    other: then an SseReader reads it. `data` must not have a CR.
    """
    found = _simple(data, at)
    if found is None or found.end() - at > MAX_EVENT:
        return None
    name, said = found.groups(b"")
    return SseEvent(said, name), found.end()


def blank_line(data: bytes, at: int) -> int:
    """Where the next blank line in `data`, from `at` on, ends; -1 if there is none."""
    if CR in data:
        found = BLANK_LINE.search(data, at)
        return -1 if found is None else found.end()
    end = data.find(END, at)
    return end if end < 0 else end + len(END)


def encode(data: bytes, event: bytes = b"") -> bytes:
    """One event; `data` may hold line ends."""
    head = b"event: " + event + b"\n" if event else b""
    if LF in data or CR in data:
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        return head + b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
    return head + b"data: " + data + b"\n\n"


HEARTBEAT = b": ping\n\n"
"""A comment: keeps proxies from closing a silent stream, and is no event."""
