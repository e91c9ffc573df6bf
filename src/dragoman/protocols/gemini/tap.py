"""The tap of a relayed answer: complete events pass as they came, and what must be known of the answer is read.

Two readers share the work:

    lane       events that differ from a decoded one in the text and in counts of tokens alone   one pattern
    observer   any other event                            the decoder of a translated answer, without parts

A lane is made of an event that the observer found to be a piece of text and nothing else (see `lane`).
The last event of an answer has a reason to stop, so that the observer reads it, and with it the last word on the usage.

The body's end ends the answer: there is no mark. Comments, and the mark that other protocols have, are taken out: the
vendor's programs fail on both.
"""

from dragoman.protocols.gemini.decode_stream import ReplyDecoder
from dragoman.protocols.gemini.lane import lane
from dragoman.protocols.gemini.observer import Observer
from dragoman.protocols.lane import PatternRows
from dragoman.protocols.relay import ReplySummary
from dragoman.protocols.sse_tap import ENDS, SseTap
from dragoman.types import FinishReason, PartStart, ResponseEnd, StreamEvent

TRIES = 16
"""Lanes made in a row that no event fits, until none is made: the service writes each event in another way."""
NO_ROW = (b"", 0)
LAST = b"\r\n\r\n"
USELESS = (b":", b"data: [DONE]", b"data:[DONE]")
"""How an event begins that callers fail on."""


class GeminiTap(SseTap):
    """`every`: the caller may have asked for several candidates, and all must end."""

    __slots__ = ("_lane", "_observer", "_tries")

    def __init__(self, *, every: bool = False) -> None:
        super().__init__()
        self._observer = Observer(every=every)
        self._lane: PatternRows | None = None
        self._tries = TRIES

    @property
    def ending(self) -> bool:
        return self._observer.ending

    def finish(self) -> bytes:
        if self.done or self._stuck():
            return b""
        tail, observer = b"".join(self._tail), self._observer
        observer.begin()
        self._heed(observer.feed(tail))
        if observer.error is None:
            self._heed(observer.finish())
        if self._stuck():
            return b""
        self._tail.clear()
        if not tail.strip() or tail.startswith(USELESS):
            return self._let_through([])
        # The last event may have no blank line after it.
        return self._let_through([tail, b"" if tail.endswith(ENDS) else LAST])

    def salvage(self) -> bytes:
        if self.done or self._stuck():
            return b""
        self._heed(self._observer.salvage())
        self._tail.clear()
        return self._let_through([])

    # Rows of text.

    def _is_usual(self, data: bytes) -> bool:
        return self._lane is not None and self._lane.row.fullmatch(data) is not None

    def _usual(self, data: bytes, at: int) -> int:
        if self._lane is None or (found := self._lane.row.match(data, at)) is None:
            return 0
        self._tries = TRIES
        return found.end() - at

    def _row(self, pieces: list[bytes], at: int) -> tuple[bytes, int]:
        row = b"".join(pieces[at:])
        return (row, len(pieces) - at) if self._is_usual(row) else NO_ROW

    def _learn(self, event: bytes) -> None:
        if self._tries:
            self._tries -= 1
            self._lane = lane(event) or self._lane

    # Events, one by one.

    def _event(self, event: bytes) -> bytes:
        observer = self._observer
        observer.begin()
        self._heed(observer.feed(event))
        if self._stuck():
            return b""
        if observer.plain:
            self._learn(event)
        return b"" if event.startswith(USELESS) and event.find(b"\ndata:") < 0 else event

    def _form(self, start: bytes) -> None:
        self._observer.begin()
        self._heed(self._observer.feed(start))

    def _is_empty(self, data: bytes) -> bool:
        return not self._observer.committed

    def _heed(self, events: list[StreamEvent]) -> None:
        """Takes over what the observer has learnt."""
        observer = self._observer
        self._unformed = False
        self.usage, self.needs_decoding = observer.usage, observer.whole
        self.error, self.committed = observer.error, self.committed or observer.committed
        for event in events:
            if isinstance(event, ResponseEnd):
                self.usage = event.usage
                self._end(event.finish_reason)

    def _stuck(self) -> bool:
        """True if nothing of what was read may pass: the answer failed, or must be decoded."""
        return self.error is not None or self.needs_decoding

    def _end(self, reason: FinishReason) -> None:
        self.finish_reason, self.done, self.committed = reason, True, True


def read_whole(body: bytes) -> ReplySummary:
    """What an answer that is not streamed says."""
    told = ReplySummary()
    decoder = ReplyDecoder()
    events = [*decoder.feed(body), *decoder.finish()]
    told.error, told.needs_decoding = decoder.error, not decoder.whole or decoder.is_array
    for event in events:
        if isinstance(event, ResponseEnd):
            told.finish_reason, told.usage = event.finish_reason, event.usage
            told.empty = not any(isinstance(part, PartStart) for part in events)
    return told
