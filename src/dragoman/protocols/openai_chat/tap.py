"""The tap of a relayed answer: complete events pass as they came, and what must be known of the answer is read.

What must be known: the first content, a failure, the reason to stop, the usage, and the end. Four readers share the
work; each event is read by the first that can:

    Lane       events that hold a piece of text and nothing else      two comparisons, nothing is decoded
    Form       such events whose id, time or padding changes          one pattern, nothing is decoded
    Glance     pieces of text, a reason to stop, usage, the end mark  decoded into strict structs
    Observer   anything else: tool calls, failures, odd forms         the decoder of a translated answer, without parts

A lane is made of the first event that Glance or Observer found to be text and nothing else; then nearly all further
events match it. Glance stops at the first event that it does not know. From then on it is no longer asked: the Observer
goes on from the state that Glance has reached. An Observer comes to the same result as the decoder (a test compares
them), so that a relayed answer fails exactly when a translated one does.

The text itself is never looked at: of a relayed answer nobody here knows what it said, only that there was content.

Besides what `sse_tap` changes, two things are changed on the way: an event that only reports the usage is taken out, if
the caller did not ask for it; and an answer that ended well without the end mark gets one.
"""

from dragoman.errors import BadEventError
from dragoman.protocols.openai_chat.chunk import decode_chunk
from dragoman.protocols.openai_chat.chunk_form import PADDING, form_of
from dragoman.protocols.openai_chat.decode_stream import ReplyDecoder
from dragoman.protocols.openai_chat.finish_reasons import FINISH, reason_of
from dragoman.protocols.openai_chat.glance import DONE, Glance
from dragoman.protocols.openai_chat.lane import lane
from dragoman.protocols.openai_chat.observer import Observer
from dragoman.protocols.openai_chat.usage import find_usage, usual_usage
from dragoman.protocols.relay import ReplySummary
from dragoman.protocols.streams import joined_events
from dragoman.protocols.streams.lane import Lane
from dragoman.protocols.streams.silent_events import says_nothing
from dragoman.protocols.streams.sse_tap import ENDS, TRIES, SseTap, fields_of, framed, has_stray
from dragoman.types import FinishReason, ResponseEnd, StreamEvent
from dragoman.wire import json
from dragoman.wire.sse import DATA_LINE, END
from dragoman.wire.utf8 import BOM

PLAIN = frozenset({"stop", "length"})
"""Reasons to stop that mean what they say, unless a tool was called."""


class ChatTap(SseTap):
    """`usage_wanted`: the caller asked for the usage. `every`: it asked for several choices, and all must end."""

    __slots__ = ("_glance", "_observer", "_usage_wanted")

    def __init__(self, *, usage_wanted: bool = True, every: bool = False) -> None:
        super().__init__()
        self._usage_wanted = usage_wanted
        self._glance = Glance()
        self._observer = Observer(self._glance, every=True) if every else None

    @property
    def ending(self) -> bool:
        return self._glance.reason is not None if self._observer is None else self._observer.ending

    def feed_pieces(self, pieces: list[bytes]) -> bytes:
        if self._tail or self.done or self.error is not None:
            return super().feed_pieces(pieces)
        return self._let_through(self._pieces(pieces))

    def finish(self) -> bytes:
        if self.done or self._stuck():
            return b""
        tail, observer = b"".join(self._tail), self._careful()
        observer.begin()
        self._heed(observer.feed(tail))
        if observer.error is None and not observer.done:
            self._heed(observer.finish())
        if self._stuck():
            return b""
        self._tail = ()
        tail = fields_of(self._passing(tail))  # the observer reads no line behind the end mark
        marked = tail.rstrip().endswith(joined_events.DONE)
        # The last event may have no blank line after it.
        return self._let_through([tail, b"" if marked and tail.endswith(ENDS) else END if marked else END + DONE])

    def salvage(self) -> bytes:
        if self.done or self._stuck():
            return b""
        self._heed(self._careful().salvage())
        self._tail = ()
        return self._let_through([DONE] if self._careful().done else [])

    # Rows of text.

    def _pieces(self, pieces: list[bytes]) -> list[bytes]:
        """Reads the events in `pieces`. Returns what may pass of them.

        As a rule each piece is one event, because services send each as soon as they have it. A lane finds a row faster
        in such pieces than in the row.
        """
        passing: list[bytes] = []
        at = 0
        while at < len(pieces) and self._known is None and not self._stuck() and self._is_event(pieces[at]):
            passing.append(self._event(pieces[at]))
            at += 1
            if self.done:
                return passing
        if isinstance(self._known, Lane) and at < len(pieces):
            row, count = self._known.pieces(pieces, at)
            if count:
                self._tries = TRIES
                passing.append(row)
                at += count
        rest = b"".join(pieces[at:])
        return passing if self.error is not None or not rest else passing + self._events(rest)

    def _is_event(self, piece: bytes) -> bool:
        """Whether `piece` is one event; it may miss some."""
        return (
            piece.endswith(END)
            and piece.find(END) == len(piece) - len(END)
            and (not self._unformed or piece.startswith(DATA_LINE))
        )

    def _learn(self, event: bytes) -> None:
        known = self._known
        if not self._tries or (known is not None and known.resembles(event)):
            return
        self._tries -= 1
        # If the last lane was in vain, something changes with each event.
        form = form_of(event) if self._tries < TRIES - 1 or event.find(PADDING) >= 0 else None
        self._known = form or lane(event) or known

    # Events, one by one.

    def _event(self, event: bytes) -> bytes:
        glance = self._glance
        if self._observer is not None or not glance.read(event):
            return self._observed(event)
        self._unformed = False
        if glance.text:
            self.committed = True
            self._learn(event)
        elif glance.report:
            self.usage = glance.usage
            return event if self._usage_wanted else b""
        elif glance.done:
            self.usage = glance.usage
            self._end(reason_of(glance.reason))
        else:
            self.committed, self.usage = glance.committed, glance.usage
        return event

    def _observed(self, event: bytes) -> bytes:
        observer = self._careful()
        observer.begin()
        self._heed(observer.feed(event))
        if observer.unexplained:
            self._known = None  # nothing passes any more: our own failure says all of it
        if self.error is not None or observer.unexplained:
            return b""
        if observer.texts == 1 and not observer.others:
            self._learn(event)
        return self._passing(event)

    def _form(self, start: bytes) -> None:
        self._careful().begin()
        self._heed(self._careful().feed(start))

    def _is_empty(self, data: bytes) -> bool:
        return not (self._observer or self._glance).committed and read_whole(data).empty

    def _careful(self) -> Observer:
        """The reader of every kind of event, made when it is first needed."""
        if self._observer is None:
            self._observer = Observer(self._glance, begun=not self._unformed)
        return self._observer

    def _heed(self, events: list[StreamEvent]) -> None:
        """Takes over what the observer has learnt."""
        observer = self._careful()
        self._unformed = False
        self.usage, self.needs_decoding = observer.usage, observer.whole
        self.error, self.committed = observer.error, observer.committed
        for event in events:
            if isinstance(event, ResponseEnd):
                self._end(event.finish_reason)

    def _stuck(self) -> bool:
        """True if nothing of what was read may pass: the answer failed, or must be decoded."""
        return self.error is not None or self.needs_decoding

    def _passing(self, event: bytes) -> bytes:
        """The form in which `event`, which the observer has read, passes."""
        observer = self._careful()
        if not observer.framed or (event.find(BOM) >= 0 and has_stray(event)):
            return framed(event) if self._usage_wanted else framed(event, is_report)
        silent = observer.void or says_nothing(event)
        return b"" if silent or (observer.report and not self._usage_wanted) else event

    def _end(self, reason: FinishReason) -> None:
        self.finish_reason, self.done, self.committed = reason, True, True


def is_report(data: bytes) -> bool:
    """Whether an event only reports the usage."""
    try:
        value = json.decode_loosely(data)
    except BadEventError:
        return False
    return isinstance(value, dict) and not value.get("choices") and find_usage(value) is not None


def read_whole(body: bytes) -> ReplySummary:
    """What an answer that is not streamed says: a plain one is read in one step, any other with the decoder."""
    told = ReplySummary()
    try:
        chunk = decode_chunk(body)
    except json.NOT_STRICT:
        chunk = None
    if chunk is not None and not chunk.error and chunk.choices and len(chunk.choices) == 1:
        choice = chunk.choices[0]
        message = choice.message
        if (
            choice.finish_reason in PLAIN
            and message is not None
            and message.content
            and isinstance(message.content, str)
            and not (message.tool_calls or message.refusal or message.function_call is not None)
        ):
            told.finish_reason = FINISH[choice.finish_reason]
            told.usage = None if chunk.usage is None else usual_usage(chunk.usage)
            return told
    decoder = ReplyDecoder()
    told.decode(decoder, body)
    told.needs_decoding = not decoder.whole
    return told
