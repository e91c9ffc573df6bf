r"""The tap of a relayed answer: complete events pass as they came, and what must be known of the answer is read.

Three readers share the work; each event is read by the first that can:

    Lane      deltas that are written as the one before    two comparisons, nothing is decoded
    deltas    deltas of text in any usual form             one regular expression, nothing is decoded
    Observer  anything else                                the decoder of a translated answer, whose events are dropped

The regular expression takes whole events alone (see `deltas`). A lane is made of the first such event of each block.
Both are asked only while just one block is open in the decoder, so that a delta without a block is found. Since the
decoder skips those deltas, it does not know the text, but comes to the same end, usage and failures (a test compares
them).

Besides what `sse_tap` changes, two things are changed on the way: events that their service did not name get their
names, because callers pass over those without; and an answer that ended well without `message_stop` gets one.
"""

import re

from dragoman.protocols.anthropic.decode_stream import Handler, ReplyDecoder, kind_of
from dragoman.protocols.anthropic.deltas import deltas, lane_of
from dragoman.protocols.anthropic.encode_stream import STOP
from dragoman.protocols.lane import Lane
from dragoman.protocols.relay import ReplySummary
from dragoman.protocols.sse_tap import ENDS, SseTap
from dragoman.types import PartStart, ResponseEnd, StreamEvent
from dragoman.wire import sse
from dragoman.wire.sse import END, SseEvent, SseReader

TRIES = 16
"""Lanes made in a row that no event fits, until none is made: the service writes each event in another way."""
NO_ROW = (b"", 0)


class MessageTap(SseTap):
    """The tap of one answer."""

    __slots__ = ("_decoder", "_deltas", "_lane", "_tries")

    def __init__(self) -> None:
        super().__init__()
        self._decoder = Observer()
        self._deltas: re.Pattern[bytes] | None = None
        """What passes unread now; None before the first content, and if not exactly one block is open."""
        self._lane: Lane | None = None
        self._tries = TRIES

    @property
    def ending(self) -> bool:
        return self._decoder.ending

    def finish(self) -> bytes:
        if self.done or self._stuck():
            return b""
        tail, decoder = b"".join(self._tail), self._decoder
        self._heed(decoder.read(tail))
        if not self._stuck() and not decoder.done:
            self._heed(decoder.finish())
        if self._stuck():
            return b""
        self._tail.clear()
        tail = self._passing(tail)
        # The last event may have no blank line after it.
        end = END if tail and not tail.endswith(ENDS) else b""
        return self._let_through([tail, end, b"" if decoder.marked else STOP])

    def salvage(self) -> bytes:
        if self.done or self._stuck():
            return b""
        self._heed(self._decoder.salvage())
        self._tail.clear()
        return self._let_through([STOP] if self._decoder.done else [])

    # Rows of text.

    def _is_usual(self, data: bytes) -> bool:
        if self._deltas is None:
            return False
        if self._lane is not None and self._lane.holds(data):
            return True
        found = self._deltas.fullmatch(data)
        return found is not None and self._learnt(found)

    def _usual(self, data: bytes, at: int) -> int:
        if self._deltas is None:
            return 0
        if self._lane is not None and (length := self._lane.length(data, at)):
            return length
        found = self._deltas.match(data, at)
        return found.end() - at if found is not None and self._learnt(found) else 0

    def _row(self, pieces: list[bytes], at: int) -> tuple[bytes, int]:
        if self._lane is not None and (row := self._lane.row(pieces, at))[1]:
            return row
        end = at
        while end < len(pieces) and self._is_usual(pieces[end]):
            end += 1
        return (b"".join(pieces[at:end]), end - at) if end > at else NO_ROW

    def _learnt(self, found: re.Match[bytes]) -> bool:
        """Makes a lane of the last event of a row."""
        if self._tries:
            self._tries -= 1
            self._lane = lane_of(found)
        return True

    # Events, one by one.

    def _event(self, event: bytes) -> bytes:
        self._heed(self._decoder.read(event))
        return b"" if self.error is not None else self._passing(event)

    def _form(self, start: bytes) -> None:
        self._heed(self._decoder.read(start))

    def _is_empty(self, data: bytes) -> bool:
        return not self._decoder.begun

    def _heed(self, events: list[StreamEvent]) -> None:
        """Takes over what the decoder has learnt."""
        decoder = self._decoder
        self._unformed = False
        self.needs_decoding, self.error, self.usage = decoder.whole, decoder.error, decoder.usage
        self.committed = self.committed or decoder.begun
        index = decoder.open_text if decoder.begun else None
        if (usual := None if index is None else deltas(index)) is not self._deltas:
            self._deltas, self._lane, self._tries = usual, None, TRIES
        for event in events:
            if isinstance(event, ResponseEnd):
                self.finish_reason, self.done, self.committed = event.finish_reason, True, True

    def _stuck(self) -> bool:
        """True if nothing of what was read may pass: the answer failed, or must be decoded."""
        return self.error is not None or self.needs_decoding

    def _passing(self, event: bytes) -> bytes:
        """The form in which `event`, which the decoder has read, passes."""
        return named(event) if self._decoder.unnamed else event


class Observer(ReplyDecoder):
    """The decoder of a relayed answer: it notes events whose name is missing."""

    unnamed = False
    """Whether the last event has no name that callers know."""

    def read(self, event: bytes) -> list[StreamEvent]:
        """Reads one more event."""
        self.unnamed = False
        return self.feed(event)

    def _unnamed(self, event: SseEvent) -> Handler | None:
        handle = super()._unnamed(event)
        self.unnamed = self.unnamed or handle is not None
        return handle


def named(event: bytes) -> bytes:
    """The events in `event`, each with the name that its data gives."""
    reader = SseReader()
    out: list[bytes] = []
    for each in [*reader.feed(event), *reader.finish()]:
        data = each.data.strip()
        kind = kind_of(data)
        if kind is not None:
            out.append(sse.encode(data, kind))
    return b"".join(out)


def read_whole(body: bytes) -> ReplySummary:
    """What an answer that is not streamed says."""
    told = ReplySummary()
    decoder = ReplyDecoder()
    events = [*decoder.feed(body), *decoder.finish()]
    told.error, told.needs_decoding = decoder.error, not decoder.whole
    for event in events:
        if isinstance(event, ResponseEnd):
            told.finish_reason, told.usage = event.finish_reason, event.usage
            told.empty = not any(isinstance(part, PartStart) for part in events)
    return told
