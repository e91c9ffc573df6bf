"""The part of a tap that is the same in every dialect: bytes become events, and what may not pass yet is held.

A stream of server-sent events passes through:

    bytes ──> tail ──> the dialect reads each event ──> held ──> caller
              (until a blank line                       (until the
              completes the event)                      first content)

    tail    the beginning of an event that is not complete. A caller must never get half an event, because a failure
            that comes next would be read as its second half
    held    complete events before the first content. Until then the answer may still become an error with a status
            of its own, or the next target may answer

As a rule both are empty: an event that is complete and may pass is passed in the same call, as the bytes that came.

What the dialect has to say stands in abstract methods. `_event` reads one complete event, and returns the form in which
it passes. Of an event that holds a piece of text and nothing else it notes in `_known` what others of its form look
like, if more of them may come: nearly all events are such, and they need no reading. Such a form may miss some of them,
which costs time and nothing else.

What callers could not read is changed on the way: events that no blank line separates are separated (`framed`), lines
that belong to no event are left out (`fields_of`), and a byte order mark is dropped. A body that is not a stream is
found by its first bytes (`OTHERS`), because it may have no blank line to wait for.
"""

import re
from abc import abstractmethod
from collections.abc import Callable

from dragoman.errors import BadEventError
from dragoman.protocols.relay import Tap
from dragoman.protocols.streams.joined_events import events_in
from dragoman.protocols.streams.lane import NOTHING, Known, Shape, Taken
from dragoman.protocols.streams.silent_events import is_silent
from dragoman.wire import sse
from dragoman.wire.lines import CR
from dragoman.wire.sse import END, MAX_EVENT, blank_line
from dragoman.wire.utf8 import BLANKS, BOM, start_of

ENDS = (END, b"\r\r", b"\r\n\r\n")
OVERLAP = 3
"""Bytes at the end of a read that may be the beginning of a blank line."""
TRIES = 16
"""Forms made in a row that no event fits, until none is made: the service writes each event in another way."""
MAX_BLANKS = 64
"""Blanks that are kept at the beginning of a body: more would be searched again with each read."""
OTHERS = (b"{", b"[", b"<")
"""How a body begins that is not a stream: JSON, or an HTML page."""
STRAY = re.compile(rb"(?<![^\r\n])(?!(?:data|event|id|retry)?(?:[:\r\n]|\Z))[^\r\n]")
"""The first byte of a line that is no field, as some services write when they fail; or that has a mark before it."""


class SseTap(Tap):
    """A tap without a dialect, whose methods also set `committed`, `done`, `error` and what else a Tap knows."""

    __slots__ = ("_beginning", "_edge", "_held", "_known", "_size", "_tail", "_tries", "_unformed")

    def __init__(self) -> None:
        super().__init__()
        self._tail: list[bytes] | tuple[()] = ()  # an open stream holds no empty lists: they take 64 bytes each
        self._edge = b""
        """The last bytes of the tail: with them the next read is searched for a blank line."""
        self._size = 0
        """Bytes of the tail."""
        self._held: list[bytes] | tuple[()] = ()
        self._beginning = True
        """Nothing has passed yet."""
        self._unformed = True
        """Nothing has shown yet that this is a stream."""
        self._known: Known | None = None
        """The form of events of text that may pass unread now."""
        self._tries = TRIES
        """Forms that may still be made before an event fits one."""

    def feed(self, data: bytes) -> bytes:
        if self.done or self.error is not None:
            return b""
        known = self._known
        if known is not None and not self._tail and known.holds(data):
            self._skips(data, 0, len(data))
            return data
        return self._let_through(self._events(data))

    def texts(self, data: bytes, at: int) -> Taken:
        return NOTHING if self._known is None else self._known.take(data, at)

    def passed(self, data: bytes) -> None:
        self._tries = TRIES

    def unread(self) -> bytes:
        return b"".join([*self._held, *self._tail])

    @property
    def shape(self) -> Shape | None:
        if self._tail or self.done or not self.committed or self.error is not None:
            return None
        return self._known

    def _skips(self, data: bytes, begin: int, end: int) -> None:
        """These events have the form that it has learnt, and are not read."""
        self._tries = TRIES

    # What the dialect knows.

    @abstractmethod
    def _event(self, event: bytes) -> bytes:
        """Reads a complete event. Returns what passes: `event` itself, another form of it, or nothing."""

    @abstractmethod
    def _form(self, start: bytes) -> None:
        """Reads the beginning of a body that is not a stream."""

    @abstractmethod
    def _is_empty(self, data: bytes) -> bool:
        """Whether `data`, a stream that ended well and committed nothing, holds no content at all."""

    # What passes.

    def _events(self, data: bytes) -> list[bytes]:
        """Reads the events that `data` completes. Returns what may pass of them."""
        if self._tail:
            # No byte is searched twice, and an event that comes in many pieces is joined once.
            if blank_line(self._edge + data, 0) < 0:
                return self._keep(data)
            data = b"".join([*self._tail, data])
            self._tail = ()
        if self._unformed:
            data = unindented(data)
            start = start_of(data)
            if not start or start.startswith(OTHERS):
                return self._keep(data)  # a blank line in it completes no event, and JSON may follow one
        passing: list[bytes] = []
        plain = CR not in data
        begin, at, alike, size = 0, 0, True, len(data)
        while at < size:
            if alike and (known := self._known) is not None:
                length = known.length(data, at)
                alike = length >= 0
                if length > 0:
                    # The event after a row is none of its form, and is read.
                    self._skips(data, at, at + length)
                    at += length
            end = data.find(END, at) + len(END) if plain else blank_line(data, at)
            if end < len(END) or self.needs_decoding:
                break
            event = data[at:end]
            passed = self._event(event)
            if passed is not event:
                passing += [data[begin:at], passed]
                begin = end
            at = end
            if self.done or self.error is not None:
                break
        passing.append(data[begin:at])
        if at < len(data) and not (self.done or self.error is not None):
            self._keep(data[at:])
        return passing

    def _keep(self, data: bytes) -> list[bytes]:
        self._size = self._size + len(data) if self._tail else len(data)
        self._edge = (self._edge + data)[-OVERLAP:] if self._tail else data[-OVERLAP:]
        if data:
            self._tail = tail = self._tail or []
            tail.append(data)
        if self._unformed:
            self._look_at_form()
        if self._size > MAX_EVENT:
            self.error = BadEventError(f"expected events of at most {MAX_EVENT} bytes", code="upstream_too_large")
        return []

    def _look_at_form(self) -> None:
        tail = b"".join(self._tail)
        start = start_of(tail)
        if start.startswith(OTHERS):
            self._form(start)
        elif len(start) > len(BOM):
            self._unformed = False
            self._tail = [unindented(tail)]
        elif not start and len(tail) > MAX_BLANKS:
            self._tail = [tail[-OVERLAP:]]

    def _let_through(self, pieces: list[bytes]) -> bytes:
        """What may pass of `pieces` and of what was held: nothing until the first content."""
        if not self.committed:
            self._held = held = self._held or []
            held += pieces
            return b""
        if self._held:
            pieces = [*self._held, *pieces]
            self._held = ()
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if self._beginning and data:
            self._beginning = False
            if self.done:
                self.empty = self._is_empty(data)
        return data


def unindented(data: bytes) -> bytes:
    """The beginning of a body without what stands before its first field, as decoders read it; empty lines may stay."""
    start = start_of(data)
    before = data[: len(data) - len(start)]
    return start if before.strip(b"\r\n") else data


def has_stray(event: bytes) -> bool:
    """Whether a line of `event`, which is complete, is no field of the standard."""
    return STRAY.search(event) is not None


def fields_of(event: bytes) -> bytes:
    """`event` without the lines that are no fields; nothing if there are no others."""
    if not has_stray(event):
        return event
    # Each line ends with LF: a CR before a line that is left out would make one line end with the LF after it.
    lines = [line for each in event.splitlines() if not has_stray(line := each.removeprefix(BOM))]
    return b"".join(line + b"\n" for line in lines) if any(map(bytes.strip, lines)) else b""


def never(data: bytes) -> bool:
    """For events that all pass."""
    return False


def framed(event: bytes, left_out: Callable[[bytes], bool] = never) -> bytes:
    """`event`, which holds several events, one a line: each as an event of its own.

    Those that say nothing do not pass. `left_out`: nor does one with this data.
    """
    out: list[bytes] = []
    for each in events_in(event):
        data = each.data.strip(BLANKS)
        if (data.startswith((b"{", b"[")) or not each.stray) and not (is_silent(each) or left_out(data)):
            out.append(sse.encode(data, each.event))
    return b"".join(out)
