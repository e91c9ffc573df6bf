r"""The tap of a relayed answer: complete events pass as they came, and what must be known of the answer is read.

Three readers share the work; each event is read by the first that can:

    Form      deltas that differ from one before in their text alone   one pattern, nothing is decoded
    Glance    blocks one after another, and what stands around them    decoded into strict structs
    Observer  anything else: failures, blocks at once, odd forms       the decoder of a translated answer

A form is made of a delta that was decoded, and holds only while its block is the one that is open, so that a delta
without a block is found. Glance stops at the first event that it does not know; from then on the Observer goes on from
the state that Glance has reached. Both do not know the text, but come to the same end, usage and failures as the
decoder (a test compares them).

Besides what `sse_tap` changes, three things are changed on the way: events that their service did not name get their
names, because callers pass over those without; a block gets a number of its own (`block_numbers`); and an answer that
ended well without `message_stop` gets one.
"""

from dragoman.protocols.anthropic.block_numbers import BlockNumbers
from dragoman.protocols.anthropic.decode_stream import EVENTS, Handler, ReplyDecoder, kind_of
from dragoman.protocols.anthropic.deltas import form_of
from dragoman.protocols.anthropic.encode_stream import STOP
from dragoman.protocols.anthropic.glance import Glance
from dragoman.protocols.anthropic.stop_reasons import decode_reason
from dragoman.protocols.relay import ReplySummary
from dragoman.protocols.streams.joined_events import events_in
from dragoman.protocols.streams.silent_events import says_nothing
from dragoman.protocols.streams.sse_decoder import BodyForm
from dragoman.protocols.streams.sse_tap import ENDS, TRIES, SseTap, fields_of
from dragoman.types import FinishReason, ResponseEnd, StreamEvent
from dragoman.wire import sse
from dragoman.wire.sse import END, SseEvent

DELTA = b"event: content_block_delta\n"


class MessageTap(SseTap):
    """The tap of one answer."""

    __slots__ = ("_glance", "_numbers", "_observer", "_open")

    def __init__(self) -> None:
        super().__init__()
        self._glance = Glance()
        self._observer: Observer | None = None
        self._numbers: BlockNumbers | None = None
        """Those of what the observer has read; None before that."""
        self._open: int | None = None
        """The block whose deltas may pass unread; None before the first content, and if not exactly one is open."""

    @property
    def ending(self) -> bool:
        glance = self._glance
        return glance.reason is not None and not self.done if self._observer is None else self._observer.ending

    @property
    def counted(self) -> bool:
        # The first report of the output only says that it has begun.
        return self.ending and super().counted

    def count(self) -> None:
        if not self.done:
            self.usage = self._glance.usage if self._observer is None else self._observer.usage

    def finish(self) -> bytes:
        if self.done or self._stuck():
            return b""
        tail, decoder = b"".join(self._tail), self._careful()
        self._heed(decoder.read(tail))
        if not self._stuck() and not decoder.done:
            self._heed(decoder.finish())
        if self._stuck():
            return b""
        self._tail = ()
        tail = b"" if says_nothing(tail) else self._passing(tail)
        # The last event may have no blank line after it.
        end = END if tail and not tail.endswith(ENDS) else b""
        return self._let_through([tail, end, b"" if decoder.marked else STOP])

    def salvage(self) -> bytes:
        if self.done or self._stuck():
            return b""
        self._heed(self._careful().salvage())
        self._tail = ()
        return self._let_through([STOP] if self._careful().done else [])

    # Rows of text.

    def _learn(self, event: bytes, index: int | None) -> None:
        """`event` was decoded, and then `index` is the number of the one open block."""
        if index != self._open:
            self._open, self._known, self._tries = index, None, TRIES
        if index is not None and self._tries and event.startswith(DELTA):
            self._tries -= 1
            # If the last form was in vain, the padding changes with each event.
            self._known = form_of(event, index, padded=self._tries < TRIES - 1) or self._known

    # Events, one by one.

    def _event(self, event: bytes) -> bytes:
        glance = self._glance
        if self._observer is not None or not glance.read(event):
            self._heed(self._careful().read(event))
            if self.error is not None:
                return b""
            if says_nothing(event):
                return b""
            passing = self._passing(event)
            unread = self.committed and self._numbers is not None and self._numbers.kept
            self._learn(event, self._careful().open_text if unread else None)
            return passing
        self._unformed = False
        self.committed = glance.committed
        open_block = glance.open if glance.committed else None
        if open_block is not None or self._open is not None:
            self._learn(event, open_block)
        if glance.done:
            self._end(decode_reason(glance.reason, tool_call=glance.called)[0])
        return event

    def _form(self, start: bytes) -> None:
        self._heed(self._careful().read(start))

    def _is_empty(self, data: bytes) -> bool:
        return not (self._glance.committed if self._observer is None else self._observer.begun)

    def _careful(self) -> "Observer":
        """The reader of every kind of event, made when it is first needed."""
        if self._observer is None:
            self._observer = Observer(self._glance, begun=not self._unformed)
            self._numbers = BlockNumbers(self._glance.last, self._glance.open)
        return self._observer

    def _heed(self, events: list[StreamEvent]) -> None:
        """Takes over what the observer has learnt."""
        observer = self._careful()
        self._unformed = False
        self.needs_decoding, self.error = observer.whole, observer.error
        self.committed = self.committed or observer.begun
        for event in events:
            if isinstance(event, ResponseEnd):
                self._end(event.finish_reason)

    def _end(self, reason: FinishReason) -> None:
        self.count()
        self.finish_reason, self.done, self.committed = reason, True, True

    def _stuck(self) -> bool:
        """True if nothing of what was read may pass: the answer failed, or must be decoded."""
        return self.error is not None or self.needs_decoding

    def _passing(self, event: bytes) -> bytes:
        """The form in which `event`, which the observer has read, passes."""
        passing = named(event) if self._careful().unnamed else fields_of(event)
        return passing if self._numbers is None else self._numbers.passing(passing)


class Observer(ReplyDecoder):
    """The decoder of a relayed answer: it notes events whose name is missing."""

    unnamed = False
    """Whether the last event has no name that callers know."""

    def __init__(self, glance: Glance, *, begun: bool) -> None:
        """Continues from the state that `glance` has reached. `begun`: an event was read, so this is a stream."""
        super().__init__()
        if begun:
            self._form = BodyForm.STREAM
        if glance.began:
            self._started, self._usage = True, glance.report
            self._reason, self._finished = glance.reason, glance.reason is not None
            if glance.open is not None:
                self.feed(glance.block)
            self._blocks.begun, self._blocks.called = glance.committed, glance.called

    def read(self, event: bytes) -> list[StreamEvent]:
        """Reads one more event."""
        self.unnamed = False
        return self.feed(event)

    def _unnamed(self, event: SseEvent) -> Handler | None:
        handle = super()._unnamed(event)
        self.unnamed = self.unnamed or handle is not None
        return handle


def named(event: bytes) -> bytes:
    """The events in `event`, each with the name that its data gives, or else with its own."""
    out: list[bytes] = []
    for each in events_in(event):
        data = each.data.strip()
        kind = kind_of(data) or (each.event if each.event in EVENTS else None)
        if kind is not None:
            out.append(sse.encode(data, kind))
    return b"".join(out)


def read_whole(body: bytes) -> ReplySummary:
    """What an answer that is not streamed says: a plain one is read in one step, any other with the decoder."""
    told, glance = ReplySummary(), Glance()
    if glance.read_message(body):
        told.finish_reason, _ = decode_reason(glance.reason, tool_call=glance.called)
        told.usage, told.empty = glance.usage, not glance.committed
        return told
    decoder = ReplyDecoder()
    told.decode(decoder, body)
    # An empty one may have no list of blocks, which callers read without a look.
    told.needs_decoding = not decoder.whole or told.empty
    return told
