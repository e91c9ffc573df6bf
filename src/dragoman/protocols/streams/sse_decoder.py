"""The part of a decoder that is the same in every dialect whose answers are server-sent events. Knows no dialect.

The first byte shows what kind of body this is: a stream, one whole JSON value, or an HTML page. A service may send a
whole value although a stream was asked for, and the other way round.
"""

from abc import abstractmethod
from enum import Enum

from dragoman.error_words import cut
from dragoman.errors import BadEventError, DragomanError, TruncatedStreamError
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.errors.head import a_page
from dragoman.protocols.streams.joined_events import is_complete, parted
from dragoman.protocols.streams.lane import TextRows
from dragoman.protocols.streams.text_rows import RowReader
from dragoman.types import LostEvent, StreamEvent
from dragoman.wire.lines import CR
from dragoman.wire.sse import SseEvent, SseReader, blank_line, simple_event
from dragoman.wire.utf8 import BOM, start_of

MAX_ANSWER = 64 << 20
"""Bytes of one answer: 64 MiB, far above any model's longest."""

MAX_UNREAD = 16
"""Kinds of events that are named as not read: a service of today has two or three, and a hostile one any number."""

SINGLY = 16
"""Events of one read that are read singly, in the hope of a row after each. To read the rest at once is faster."""


class BodyForm(Enum):
    """What kind of body this is."""

    STREAM = "stream"
    WHOLE = "whole"


FORMS: dict[bytes, BodyForm] = {b"{": BodyForm.WHOLE, b"[": BodyForm.WHOLE}
"""First byte to form; any other is a stream, except `<`, which is an HTML page."""


class SseDecoder(Decoder):
    """Finds the form of a body, reads its events or collects it whole, and knows when it has ended well.

    A dialect says what an event and a whole body mean. It sets `_finished` once a reason to stop has come, and calls
    `_skip` for what looks like a message of the service that nobody understands: then an end is no good one.
    """

    def __init__(self) -> None:
        self._form: BodyForm | None = None
        self._head = b""
        """The beginning of the body, until its form is known."""
        self._size = 0
        self._pieces: list[bytes] = []
        """A whole body, so far."""
        self._sse = SseReader()
        self._rows = RowReader()
        self._finished = False
        """A reason to stop has come."""
        self._skipped: DragomanError | None = None
        """The error that stands if nothing better comes: what was skipped looks like a message of the service."""
        self._unread: dict[str, LostEvent] = {}
        """The events that were passed over, by their kinds."""
        self.joined = False
        """Whether events came without a blank line between them. Who asks sets it back."""

    @property
    def whole(self) -> bool:
        """Whether this is one whole value, not a stream."""
        return self._form is BodyForm.WHOLE

    @property
    def ending(self) -> bool:
        return self._finished and self._skipped is None and not self.done

    @property
    def open_rows(self) -> RowReader | None:
        return self._rows if self._rows.known is not None and self._sse.is_idle() else None

    def salvage(self) -> list[StreamEvent]:
        """The end of an answer of which only the end mark is missing: then `done` is True."""
        out: list[StreamEvent] = []
        if self.error is None:
            try:
                if self.ending:
                    self._close(out)
                elif self.whole and not self.done:
                    self._take_whole(out)
            except DragomanError as exc:
                self.error = exc
        return out

    # What the dialect knows.

    @abstractmethod
    def _event(self, event: SseEvent, out: list[StreamEvent]) -> None:
        """Reads one event, or a line that belongs to none (`stray`)."""

    @abstractmethod
    def _whole(self, body: bytes, out: list[StreamEvent]) -> None:
        """Reads a whole body, of which the end is not missing."""

    @abstractmethod
    def _close(self, out: list[StreamEvent]) -> None:
        """Ends the answer, if the end is a good one, and sets `done`."""

    @abstractmethod
    def _is_plain(self) -> bool:
        """Whether the last event only said more of the open part, so that others like it would be read alike."""

    @abstractmethod
    def _rows_like(self, event: bytes) -> TextRows | None:
        """Events that differ from `event`, which is plain, in their text; None if its form shows no such thing."""

    # Within.

    def _leave_out(self, kind: str) -> None:
        """Notes that an event of this kind was passed over."""
        kind = cut(kind, 80)
        if len(self._unread) < MAX_UNREAD:
            self._unread[kind] = LostEvent(f"answer.{kind}")

    @property
    def _left_out(self) -> tuple[LostEvent, ...]:
        """The losses of the answer for that."""
        return tuple(self._unread.values())

    def _skip(self, error: DragomanError) -> None:
        """Skips what may be a message of the service: if nothing better comes, `error` is why the answer ended."""
        self._skipped = self._skipped or error

    def _read(self, data: bytes, out: list[StreamEvent]) -> None:
        if self.done:
            return
        self._size += len(data)
        if self._size > MAX_ANSWER:
            raise BadEventError(f"expected an answer of at most {MAX_ANSWER} bytes", code="upstream_too_large")
        data = self._formed(data) if self._form is None else data
        if self._form is BodyForm.WHOLE:
            self._pieces.append(data)
        if self._form is BodyForm.STREAM:
            self._stream(data, out)

    def _stream(self, data: bytes, out: list[StreamEvent]) -> None:
        """Reads rows of text, and what stands between them event by event."""
        sse, rows = self._sse, self._rows
        at, alike, singly, idle = 0, True, SINGLY, sse.is_idle()
        plain = CR not in data
        while at < len(data) and not self.done:
            if idle and alike and rows.known is not None:
                words, length = rows.take(data, at)
                if length > 0:
                    self._row(words, data[at : at + length], out)
                    at, singly = at + length, SINGLY
                    continue
                alike = length == 0
            one, begun = alike and singly > 0 and rows.tries > 0, len(out)
            simple = simple_event(data, at) if one and idle and plain else None
            if simple is not None:
                event, end = simple
                alone = True
                self._event(event, out)
            else:
                end = blank_line(data, at) if one else -1
                # Else it may be several events, or one and the beginning of another.
                alone = idle and end >= 0
                end = end if end >= 0 else len(data)
                for each in sse.feed(data[at:end]):
                    self._parts_of(each, out)
                idle = sse.is_idle()
            if not self._is_plain():
                rows.known = None
            elif alone:
                rows.learn(data[at:end], out[begun:], self._rows_like)
            else:
                rows.look(out[begun:])
            at, singly = end, singly - 1

    def _parts_of(self, event: SseEvent, out: list[StreamEvent]) -> None:
        """Reads one event, or those that no blank line separates."""
        events = parted(event)
        self.joined = self.joined or len(events) > 1
        for each in events:
            self._event(each, out)

    def _end(self, out: list[StreamEvent]) -> None:
        if self.done:
            return
        if self.whole:
            self._take_whole(out)
            return
        for event in self._sse.finish():
            if not event.stray and event.data.strip() and not is_complete(event.data):
                raise self._skipped or TruncatedStreamError("the answer broke off inside an event")
            self._parts_of(event, out)
        if not self.done:
            if not self._finished:
                raise self._skipped or TruncatedStreamError("the answer broke off before its end")
            self._close(out)

    def _take_whole(self, out: list[StreamEvent]) -> None:
        body = b"".join(self._pieces)
        if not body.rstrip().endswith((b"}", b"]")):
            raise TruncatedStreamError("the answer broke off before its end")
        self._whole(body, out)

    def _formed(self, data: bytes) -> bytes:
        """What is to be read, once the first byte has shown the form of the body; until then nothing."""
        start = start_of(self._head + data)
        if not start or BOM.startswith(start):
            self._head = start
            return b""
        self._head = b""
        if start.startswith(b"<"):
            raise a_page("an event stream")
        self._form = FORMS.get(start[:1], BodyForm.STREAM)
        return start
