"""The tap of a relayed answer: complete events pass as they came, and what must be known of the answer is read.

Three readers share the work; each event is read by the first that can:

    Form      events that differ from one before in their text and counts alone    one pattern, nothing is decoded
    Glance    pieces of text, a reason to stop                                     decoded into strict structs
    Observer  anything else: calls, failures, odd forms                            the decoder of a translated answer

A form is made of an event that held a piece of text and no reason to stop (see `chunk_form`). Glance stops at the first
event that it does not know; from then on the Observer goes on from the state that Glance has reached. The last event of
an answer has a reason to stop, so that one of both reads it, and with it the last word on the usage.

The body's end ends the answer: there is no mark. Events that are comments, and the mark that other protocols have,
are taken out: the vendor's programs fail on both.
"""

from contextlib import suppress

from dragoman.errors import BadEventError
from dragoman.protocols.gemini.chunk_form import form_of
from dragoman.protocols.gemini.decode_stream import ReplyDecoder
from dragoman.protocols.gemini.finish_reasons import decode_reason
from dragoman.protocols.gemini.glance import Glance
from dragoman.protocols.gemini.latest_report import LatestReport
from dragoman.protocols.gemini.observer import Observer
from dragoman.protocols.relay import ReplySummary
from dragoman.protocols.streams.joined_events import DONE
from dragoman.protocols.streams.silent_events import says_nothing
from dragoman.protocols.streams.sse_tap import ENDS, SseTap, framed, has_stray
from dragoman.types import FinishReason, ResponseEnd, StreamEvent, Usage
from dragoman.types.usage import merged

LAST = b"\r\n\r\n"
USELESS = (b":", b"data: [DONE]", b"data:[DONE]")
"""How an event begins that callers fail on."""


LATEST = 4 << 10
"""Bytes of a row that are kept: its last event, which has some hundred."""


def is_useless(event: bytes) -> bool:
    """Whether an event says nothing but what callers fail on."""
    return event.startswith(USELESS) and event.find(b"\ndata:") < 0


class GeminiTap(SseTap):
    """`every`: the caller may have asked for several candidates, and all must end."""

    __slots__ = ("_glance", "_latest", "_observer")

    reads_passed = True

    def __init__(self, *, every: bool = False) -> None:
        super().__init__()
        self._glance = Glance()
        self._latest = b""
        """What has passed unread last: each event may report the tokens so far."""
        self._observer = Observer(self._glance, every=True) if every else None

    @property
    def ending(self) -> bool:
        return bool(self._glance.reason) if self._observer is None else self._observer.ending

    def passed(self, data: bytes) -> None:
        super().passed(data)
        self._latest = data

    def count(self) -> None:
        if self.done:
            return
        reader, latest = self._observer or self._glance, LatestReport()
        with suppress(BadEventError):
            reader.count_latest()
        self.usage = reader.usage
        latest.keep_of(self._latest)
        with suppress(BadEventError):
            self.usage = merged(self.usage, latest.take())

    def finish(self) -> bytes:
        if self.done or self._stuck():
            return b""
        glance = self._glance
        if self._observer is None and not self._tail and glance.reason:
            glance.count_latest()
            reason, _ = decode_reason(glance.reason, tool_call=False)
            self._end(reason, glance.usage)
            return self._let_through([])
        tail, observer = b"".join(self._tail), self._careful()
        observer.begin()
        self._heed(observer.feed(tail))
        if observer.error is None:
            self._heed(observer.finish())
        if self._stuck():
            return b""
        self._tail = ()
        tail = framed(tail, is_mark) if observer.joined or has_stray(tail) else tail
        if not tail.strip() or is_useless(tail) or says_nothing(tail):
            return self._let_through([])
        # The last event may have no blank line after it.
        return self._let_through([tail, b"" if tail.endswith(ENDS) else LAST])

    def salvage(self) -> bytes:
        if self.done or self._stuck():
            return b""
        self._heed(self._careful().salvage())
        self._tail = ()
        return self._let_through([])

    # Rows of text.

    def _skips(self, data: bytes, begin: int, end: int) -> None:
        super()._skips(data, begin, end)
        self._latest = data[max(begin, end - LATEST) : end]

    def _learn(self, event: bytes) -> None:
        if self._tries:
            self._tries -= 1
            self._known = form_of(event) or self._known

    # Events, one by one.

    def _event(self, event: bytes) -> bytes:
        glance, self._latest = self._glance, b""
        if self._observer is not None or not glance.read(event):
            return self._observed(event)
        self._unformed = False
        self.committed, self.usage = glance.committed, glance.usage
        if glance.text:
            self._learn(event)
        return event

    def _observed(self, event: bytes) -> bytes:
        observer = self._careful()
        observer.begin()
        self._heed(observer.feed(event))
        if self._stuck():
            return b""
        if observer.plain:
            self._learn(event)
        if observer.joined or has_stray(event):
            return framed(event, is_mark)
        return b"" if is_useless(event) or says_nothing(event) else event

    def _form(self, start: bytes) -> None:
        self._careful().begin()
        self._heed(self._careful().feed(start))

    def _is_empty(self, data: bytes) -> bool:
        return not (self._observer or self._glance).committed

    def _careful(self) -> Observer:
        """The reader of every kind of event, made when it is first needed."""
        if self._observer is None:
            self._observer = Observer(self._glance)
        return self._observer

    def _heed(self, events: list[StreamEvent]) -> None:
        """Takes over what the observer has learnt."""
        observer = self._careful()
        self._unformed = False
        self.usage, self.needs_decoding = observer.usage, observer.whole
        self.error, self.committed = observer.error, self.committed or observer.committed
        for event in events:
            if isinstance(event, ResponseEnd):
                self._end(event.finish_reason, event.usage)

    def _stuck(self) -> bool:
        """True if nothing of what was read may pass: the answer failed, or must be decoded."""
        return self.error is not None or self.needs_decoding

    def _end(self, reason: FinishReason, usage: Usage | None) -> None:
        self.finish_reason, self.usage, self.done, self.committed = reason, usage, True, True


def is_mark(data: bytes) -> bool:
    """Whether it is the mark that other protocols have."""
    return data == DONE


def read_whole(body: bytes) -> ReplySummary:
    """What an answer that is not streamed says: a plain one is read in one step, any other with the decoder."""
    told, glance = ReplySummary(), Glance()
    if glance.read_reply(body) and glance.reason:
        told.finish_reason, _ = decode_reason(glance.reason, tool_call=False)
        told.usage, told.empty = glance.usage, not glance.committed
        return told
    decoder = ReplyDecoder()
    told.decode(decoder, body)
    told.needs_decoding = not decoder.whole or decoder.is_array
    return told
