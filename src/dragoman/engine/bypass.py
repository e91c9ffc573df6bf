r"""The way of events that come alone, from one socket to the other: without parser, tap, frames and timers.

Tokens come one by one, some hundred milliseconds apart. By then all that belongs to their stream has left the caches of
the processor, so that an event costs what is touched for it. So while nothing but text comes, little is touched:

                    ┌────────────────────── a read that fits ──────────────────────┐
    service ─> Connection                                                          ├─> Outbox ─> caller
                    └─> parser ─> listener ─> Relay ─> Tap ─> sink ─> writer ──────┘
                                       any other read

A read fits if it is one HTTP chunk, or a few, and of each:

1. the length is written in the only way in which we would write it ourselves: in lower case, without zeros before it,
   without an extension;
2. the chunk is an event, or a row of them, of the shape that the tap knows (`lane.py`, `event_form.py` of the streams):
   all that is not text is, byte by byte, as in an event that was decoded.

Then the tap would let the event through as it came, and learn nothing from it; no failure, end, usage or reason can be
in it. And the writer would frame it with the same bytes. So the read is passed on as it is, frames included.

The parser is not fed: it stays between two chunks. That it stands there is known when the bypass is opened, by the end
of a read that was parsed (`Connection.open_bypass`). Nothing is remembered from earlier reads: whatever came before,
chunks in another form or events that were cut, the next event that comes alone opens it again.

    closed ──> open    after a read that was parsed: it passed, and ended with an event of the known shape, which was a
                       chunk of its own; the caller reads, and gets chunks
    open ──> closed    a read does not fit, and is then parsed; the caller does not read; the exchange ends

What the long way would have noted is kept here as numbers, until it is asked for: the bytes that passed (for the limit
of an answer, its tokens if it breaks off, and the log), and when. The alarms of both connections look at that time when
they ring, so that no event has to set them.

By dialect, of the events that hold a piece of text:

    openai-chat        those that are alike; if their id, time or padding (`obfuscation`) changes, by a form
    anthropic          all deltas of a block
    openai-responses   all deltas, with their numbers and padding; the last one is kept, as a failure needs its number
    gemini             all with counts of tokens; the last event, which has a reason to stop, is decoded as ever
    ollama             all lines, with their times

Not those with `logprobs`, whose numbers and tokens differ in too many ways for a form, and chunks of openai-chat that
report the usage each time, which the tap must know. They are decoded one by one.
"""

from dragoman.loop.outlet import Outlet
from dragoman.protocols.relay import Tap
from dragoman.protocols.streams.lane import Shape
from dragoman.transport.base import SHORT

CRLF = b"\r\n"
LENGTHS = {b"%x" % length: length for length in range(1, SHORT)}
"""The lengths of chunks in the only way to write them."""
DIGITS = 3
"""The most digits of these."""


def chunk(data: bytes, at: int) -> tuple[int, int]:
    """Where the body of the HTTP chunk that begins at `at` begins and ends; (0, 0) if it is not a whole, plain one."""
    mark = data.find(CRLF, at, at + DIGITS + 2)
    length = LENGTHS.get(data[at:mark]) if mark > at else None
    if length is None:
        return 0, 0
    begin = mark + 2
    end = begin + length
    return (begin, end) if data.startswith(CRLF, end) else (0, 0)


class Bypass(Outlet):
    """The bypass of one relay."""

    __slots__ = ("_keeps", "_last", "_told", "passed", "room", "shape")

    shape: Shape
    """What may pass."""
    room: int
    """Bytes that may still pass, without the frames."""

    def __init__(self, *, keeps: bool) -> None:
        """`keeps`: the tap must know what has passed last."""
        super().__init__()
        self.passed = 0
        """Bytes that have passed, without the frames."""
        self._told = 0
        """How many of these were told."""
        self._keeps = keeps
        self._last = b""

    def take(self, data: bytes, now: float) -> bool:
        """Passes on `data` if it fits, as the bytes that came; False if it must be parsed."""
        fits = self.shape.fits
        at, size, passed = 0, len(data), 0
        while at < size:
            begin, end = chunk(data, at)
            if not (end and fits(data, begin, end)):
                return False
            passed += end - begin
            at = end + 2
        if passed > self.room:
            return False
        self.room -= passed
        self.passed += passed
        self.sent_at = now
        if self._keeps:
            self._last = data
        self.outbox.write(self.transport, data)
        return True

    def tell(self, tap: Tap) -> int:
        """Tells `tap` what has passed since the last call: so many bytes, without the frames."""
        told, self._told = self._told, self.passed
        if told < self._told:
            tap.passed(self._last)
            self._last = b""
        return self._told - told
