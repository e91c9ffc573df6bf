"""The tap of a relayed answer: lines pass as they came, and what must be known of the answer is read.

Three readers share the work; each line is read by the first that can:

    Form      lines that differ from one before in their text and time    one pattern, nothing is decoded
    Glance    pieces of text, and the last line                           decoded into strict structs
    Observer  anything else: tool calls, failures, odd forms              the decoder of a translated answer

Glance stops at the first line that it does not know. From then on it is no longer asked: the Observer goes on from the
state that Glance has reached. So a relayed answer fails exactly when a translated one does (a test compares them).
"""

from dragoman.protocols.ollama.decode_stream import ReplyDecoder
from dragoman.protocols.ollama.glance import Glance
from dragoman.protocols.ollama.line_form import form_of
from dragoman.protocols.relay import ReplySummary
from dragoman.protocols.streams.event_form import Form
from dragoman.protocols.streams.lane import NOTHING, Shape, Taken
from dragoman.protocols.streams.ndjson_tap import NdjsonTap
from dragoman.types import FinishReason, ResponseEnd, ResponseStart, StreamEvent, Usage
from dragoman.wire import json

TRIES = 16
"""Forms made in a row that no line fits, until none is made: the service writes each line in another way."""


class Observer(ReplyDecoder):
    """The decoder of a relayed answer. It continues from the state that `glance` has reached."""

    def __init__(self, glance: Glance) -> None:
        super().__init__()
        if glance.lines:
            self._head, self._started, self.lines = None, True, glance.lines

    @property
    def is_plain(self) -> bool:
        """Whether the last line could hold a piece of text and nothing else."""
        return self._plain


class OllamaTap(NdjsonTap):
    """The tap of an answer to `/api/chat` or `/api/generate`."""

    __slots__ = ("_glance", "_known", "_observer", "_tries")

    def __init__(self) -> None:
        super().__init__()
        self._glance = Glance()
        self._observer: Observer | None = None
        self._known: Form | None = None
        """The form of the last piece of text that was decoded."""
        self._tries = TRIES

    def texts(self, data: bytes, at: int) -> Taken:
        return NOTHING if self._known is None else self._known.take(data, at)

    def passed(self, data: bytes) -> None:
        self._tries = TRIES

    def _usual_shape(self) -> Shape | None:
        return self._known

    def _usual(self, data: bytes, at: int) -> int:
        length = 0 if self._known is None else self._known.length(data, at)
        if length:
            self._tries = TRIES
        return length

    def _line(self, line: bytes) -> bytes:
        glance = self._glance
        if self._observer is None and glance.read(line):
            if glance.text and glance.reason is None:
                self._learn(line)
            self.committed = glance.committed
            if glance.reason is not None:
                self._end(glance.reason, glance.usage, more=False)
            return line
        observer = self._careful()
        before = self.committed
        events = observer.feed(line if line.endswith(b"\n") else line + b"\n")
        self._heed(events)
        self.needs_decoding = observer.whole
        if before and events and observer.is_plain:
            self._learn(line)
        return b"" if self.error is not None or self.needs_decoding else line

    def _is_complete(self, line: bytes) -> bool:
        return bool(line.strip()) and json.is_json(line)

    def _last(self, tail: bytes) -> bytes:
        observer = self._careful()
        self._heed([*observer.feed(tail), *observer.finish()])
        self.needs_decoding = observer.whole
        return tail if self.done else b""

    def _learn(self, line: bytes) -> None:
        if self._tries:
            self._tries -= 1
            self._known = form_of(line) or self._known

    def _careful(self) -> Observer:
        """The reader of every kind of line, made when it is first needed."""
        if self._observer is None:
            self._observer = Observer(self._glance)
        return self._observer

    def _heed(self, events: list[StreamEvent]) -> None:
        """Takes over what the observer has learnt."""
        observer = self._careful()
        self.error = observer.error
        for event in events:
            if isinstance(event, ResponseEnd):
                self._end(event.finish_reason, event.usage, more=observer.more_content)
            if not isinstance(event, ResponseStart):
                self.committed = True

    def _end(self, reason: FinishReason, usage: Usage | None, *, more: bool) -> None:
        """The last line. `more`: the answer has content of a kind that makes no part."""
        self.empty = not (self.committed or more)
        self.finish_reason, self.usage, self.done, self.committed = reason, usage, True, True


def read_whole(body: bytes) -> ReplySummary:
    """What an answer that is not streamed says: a plain one is read in one step, any other with the decoder."""
    told, glance = ReplySummary(), Glance()
    if glance.read(body) and glance.reason is not None:
        told.finish_reason, told.usage, told.empty = glance.reason, glance.usage, not glance.committed
        return told
    decoder = ReplyDecoder()
    told.decode(decoder, body)
    told.needs_decoding = decoder.lines > 1
    return told
