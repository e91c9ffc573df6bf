"""The half of a tap that is no dialect: bytes become whole events, and what may not pass yet is held.

A stream of server-sent events passes through as it came. What is held is one of three things:

    the tail      what has come of an event that is not whole, until a blank line ends it
    the waiting   whole events before the first content, since until then the answer may still become an error
    nothing       as a rule: an event that is whole and may pass is passed in the same call

Each whole event is given to the dialect once (`_event`), which says in what form it goes on. Rows of events that the
dialect knows by their form alone (`_usual`, `_row`) are passed without that. Two things are changed on the way, since
callers could not read them: events that no blank line separates are separated, and a byte order mark is dropped.
"""

import re
from abc import abstractmethod

from dragoman.errors import BadEventError
from dragoman.protocols.relay import Tap
from dragoman.wire import json, sse
from dragoman.wire.sse import BOM, MAX_EVENT, SseReader

END = b"\n\n"
ENDS = (END, b"\r\r", b"\r\n\r\n")
BLANK = re.compile(rb"(?:\r\n|\r(?=[^\n])|\n){2}")
"""A blank line. A CR may be half of a line end, as long as nothing stands behind it."""
OVERLAP = 3
"""Bytes of a blank line that the next read may complete."""
BLANKS = b" \t\r\n"
MAX_BLANKS = 64
"""Blanks at the beginning of a body that are kept; more would be looked at again and again."""
OTHERS = (b"{", b"[", b"<")
"""How a body begins that is no stream."""


class SseTap(Tap):
    """What a dialect adds stands below as abstract methods. Each sets `committed`, `done`, `error` and the rest."""

    __slots__ = ("_beginning", "_edge", "_held", "_size", "_tail", "_unformed")

    def __init__(self) -> None:
        super().__init__()
        self._tail: list[bytes] = []
        self._edge = b""
        self._size = 0
        self._held: list[bytes] = []
        self._beginning = True
        self._unformed = True
        """Nothing has shown yet that this is a stream."""

    def feed(self, data: bytes) -> bytes:
        if self.done or self.error is not None:
            return b""
        if not self._tail and self._is_usual(data):
            return data
        return self._let_through(self._events(data))

    def feed_pieces(self, pieces: list[bytes]) -> bytes:
        if self.done or self.error is not None:
            return b""
        return super().feed_pieces(pieces) if self._tail else self._let_through(self._pieces(pieces))

    def unread(self) -> bytes:
        return b"".join([*self._held, *self._tail])

    # What the dialect knows.

    @abstractmethod
    def _event(self, event: bytes) -> bytes:
        """Reads a whole event. The form in which it goes on: `event` itself, another, or nothing."""

    @abstractmethod
    def _form(self, start: bytes) -> None:
        """Reads the beginning of a body that is no stream; there may be no blank line to wait for."""

    @abstractmethod
    def _is_usual(self, data: bytes) -> bool:
        """Whether `data` is nothing but events that need not be read."""

    @abstractmethod
    def _usual(self, data: bytes, at: int) -> int:
        """How many bytes of `data`, from the event that begins at `at`, are such events; 0 if that one is none.

        Negative if it seems to be one and is not: the search is not worth another try on the same bytes.
        """

    @abstractmethod
    def _row(self, pieces: list[bytes], at: int) -> tuple[bytes, int]:
        """The same of pieces: those that are one such event each, in one, and how many; 0 or less as above."""

    @abstractmethod
    def _is_empty(self, data: bytes) -> bool:
        """Whether `data`, a stream that ended well and committed nothing, holds no content at all."""

    # What passes.

    def _events(self, data: bytes) -> list[bytes]:
        """Reads the events that `data` completes. What may pass of them."""
        if self._tail:
            # Searched no byte twice: an event that comes in many pieces is put together once.
            if _blank(self._edge + data, 0) < 0:
                return self._keep(data)
            data = b"".join([*self._tail, data])
            self._tail.clear()
        passing: list[bytes] = []
        plain = b"\r" not in data
        begin, at, alike = 0, 0, True
        while at < len(data) and not (self.done or self.error is not None):
            if alike:
                length = self._usual(data, at)
                if length > 0:
                    at += length
                    continue
                alike = length == 0
            end = data.find(END, at) + len(END) if plain else _blank(data, at)
            if end < len(END) or self.needs_decoding:
                break
            event = data[at:end]
            passed = self._event(event)
            if passed is not event:
                passing += [data[begin:at], passed]
                begin = end
            at = end
        passing.append(data[begin:at])
        if at < len(data) and not (self.done or self.error is not None):
            self._keep(data[at:])
        return passing

    def _pieces(self, pieces: list[bytes]) -> list[bytes]:
        """The same of pieces, each of which is one event as a rule: services send each as soon as they have it."""
        passing: list[bytes] = []
        at, alike = 0, True
        while at < len(pieces) and not (self.done or self.error is not None):
            if alike:
                row, count = self._row(pieces, at)
                if count > 0:
                    passing.append(row)
                    at += count
                    continue
                alike = count == 0
            event = pieces[at]
            if self.needs_decoding or not event.endswith(END) or event.find(END) != len(event) - len(END):
                return passing + self._events(b"".join(pieces[at:]))
            passing.append(self._event(event))
            at += 1
        return passing

    def _keep(self, data: bytes) -> list[bytes]:
        self._size = self._size + len(data) if self._tail else len(data)
        self._edge = (self._edge + data)[-OVERLAP:] if self._tail else data[-OVERLAP:]
        if data:
            self._tail.append(data)
        if self._unformed:
            self._look_at_form()
        if self._size > MAX_EVENT:
            self.error = BadEventError(f"expected events of at most {MAX_EVENT} bytes", code="upstream_too_large")
        return []

    def _look_at_form(self) -> None:
        tail = b"".join(self._tail)
        start = tail.lstrip(BLANKS).removeprefix(BOM).lstrip(BLANKS)
        if start.startswith(OTHERS):
            self._form(start)
        elif len(start) > len(BOM):
            self._unformed = False
        elif not start and len(tail) > MAX_BLANKS:
            self._tail = [tail[-OVERLAP:]]

    def _let_through(self, pieces: list[bytes]) -> bytes:
        """What may go on of what was read: nothing, as long as there is no content."""
        if not self.committed:
            self._held += pieces
            self.waiting += sum(map(len, pieces))
            return b""
        if self._held:
            pieces = [*self._held, *pieces]
            self._held.clear()
            self.waiting = 0
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if self._beginning and data:
            self._beginning = False
            data = data.removeprefix(BOM)
            if self.done:
                self.empty = self._is_empty(data)
        return data


def _blank(data: bytes, at: int) -> int:
    """Where the next blank line in `data` ends; -1 if there is none."""
    if b"\r" in data:
        found = BLANK.search(data, at)
        return -1 if found is None else found.end()
    end = data.find(END, at)
    return end if end < 0 else end + len(END)


def framed(event: bytes) -> bytes:
    """`event`, in which several stand line by line, as events that a caller can find."""
    reader = SseReader()
    out: list[bytes] = []
    for each in [*reader.feed(event), *reader.finish()]:
        if each.stray and not each.data.startswith(b"{"):
            continue
        try:
            json.decode_loosely(each.data)
            out.append(sse.encode(each.data))
        except BadEventError:
            out += [sse.encode(line) for line in each.data.split(b"\n")]
    return b"".join(out)
