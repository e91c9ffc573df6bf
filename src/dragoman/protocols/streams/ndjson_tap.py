"""The part of a tap that is the same in every dialect whose answers are lines of JSON. Knows no dialect.

As for events (see `sse_tap`), bytes become lines, and what may not pass yet is held:

    bytes ──> tail ──> the dialect reads each line ──> held ──> caller
              (until a line end                       (until the
              completes the line)                     first content)

A caller must never get half a line, because a failure that comes next would be read as its second half. As a rule both
are empty, and a read passes as the bytes that came: `_usual` finds lines that hold nothing but text by their form
alone, so that they need no reading. It may miss some of these, which costs time and nothing else.

One thing is changed on the way, because callers could not read it: lines without anything but blanks are left out.
"""

from abc import abstractmethod

from dragoman.errors import BadEventError
from dragoman.protocols.relay import Tap
from dragoman.protocols.streams.lane import Shape
from dragoman.wire.lines import LF
from dragoman.wire.utf8 import BLANKS

END = b"\n"
MAX_LINE = 64 << 20
"""Bytes of one line: as much as a whole answer may have, since a line may hold a picture."""


class NdjsonTap(Tap):
    """A tap without a dialect, whose methods also set `committed`, `done`, `error` and what else a Tap knows."""

    __slots__ = ("_held", "_size", "_tail")

    def __init__(self) -> None:
        super().__init__()
        self._tail: list[bytes] | tuple[()] = ()
        self._size = 0
        """Bytes of the tail."""
        self._held: list[bytes] | tuple[()] = ()

    @property
    def ending(self) -> bool:
        # The line that says why the answer ended is its end mark, too.
        return False

    def feed(self, data: bytes) -> bytes:
        if self._is_over():
            return b""
        if self.committed and not self._tail and data and self._usual(data, 0) == len(data):
            return data
        return self._let_through(self._lines(data))

    def finish(self) -> bytes:
        if self._is_over():
            return b""
        tail = self._take()
        passed = self._last(tail)
        if self.needs_decoding:
            self._keep(tail)
            return b""
        # The last line may have no line end after it.
        return self._let_through([passed, END] if passed else [])

    def salvage(self) -> bytes:
        if self._is_over():
            return b""
        tail = self._take()
        passed = self._line(tail) if self._is_complete(tail) else b""
        return self._let_through([passed, END] if passed and self.done else [])

    def unread(self) -> bytes:
        return b"".join([*self._held, *self._tail])

    @property
    def shape(self) -> Shape | None:
        return None if self._tail or not self.committed or self._is_over() else self._usual_shape()

    # What the dialect knows.

    @abstractmethod
    def _line(self, line: bytes) -> bytes:
        """Reads a complete line. Returns what passes: `line` itself, or nothing.

        It sets `needs_decoding` for a line that belongs to a body of another form.
        """

    @abstractmethod
    def _usual(self, data: bytes, at: int) -> int:
        """How many bytes of `data`, from the line that begins at `at`, are lines of text; 0 if it must be read."""

    @abstractmethod
    def _usual_shape(self) -> Shape | None:
        """The shape of a line for which `_usual` gives its length; None if it knows none."""

    @abstractmethod
    def _is_complete(self, line: bytes) -> bool:
        """Whether a line that no line end completed holds all of its JSON."""

    @abstractmethod
    def _last(self, tail: bytes) -> bytes:
        """Reads what no line end completed, as the body ended well. Returns what passes of it.

        Sets `error` if the answer has not ended.
        """

    # What passes.

    def _is_over(self) -> bool:
        """Whether nothing more may pass: the answer ended, or failed."""
        return self.done or self.error is not None

    def _lines(self, data: bytes) -> list[bytes]:
        """Reads the lines that `data` completes. Returns what may pass of them."""
        if self._tail:
            if LF not in data:
                self._keep(data)
                return []
            data = self._take() + data
        passing: list[bytes] = []
        begin = at = 0
        while at < len(data) and not self._is_over():
            if self.committed and (length := self._usual(data, at)) > 0:
                at += length
                continue
            end = data.find(END, at) + 1
            if not end:
                break
            line = data[at:end]
            passed = self._line(line) if line.strip(BLANKS) else b""
            if self.needs_decoding:
                break
            if passed is not line:
                passing += [data[begin:at], passed]
                begin = end
            at = end
        passing.append(data[begin:at])
        if at < len(data) and not self._is_over():
            self._keep(data[at:])
        return passing

    def _take(self) -> bytes:
        """What no line end has completed; after it nothing is left."""
        tail = b"".join(self._tail)
        self._tail = ()
        self._size = 0
        return tail

    def _keep(self, data: bytes) -> None:
        if data:
            self._tail = kept = self._tail or []
            kept.append(data)
            self._size += len(data)
        if self._size > MAX_LINE:
            self.error = BadEventError(f"expected lines of at most {MAX_LINE} bytes", code="upstream_too_large")

    def _let_through(self, pieces: list[bytes]) -> bytes:
        """What may pass of `pieces` and of what was held: nothing until the first content."""
        if not self.committed:
            self._held = held = self._held or []
            held += pieces
            return b""
        if self._held:
            pieces = [*self._held, *pieces]
            self._held = ()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
