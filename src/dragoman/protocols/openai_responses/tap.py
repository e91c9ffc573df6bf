r"""The tap of a relayed answer: complete events pass as they came, and what must be known of the answer is read.

Three readers share the work; each event is read by the first that can:

    Form      pieces that differ from one before in their text and number   one pattern, nothing is decoded
    Glance    items one after another, their beginnings and their ends      decoded into strict structs
    Observer  anything else: failures, refusals, items at once, odd forms   the decoder of a translated answer

Glance stops at the first event that it does not know; from then on the Observer goes on from the state that Glance has
reached. Both come to the same result as the decoder (a test compares them). What they do not see of a text they learn
when the item is done, because the service then repeats all of it.
"""

import re
from typing import Any

from dragoman.errors import BadEventError, DragomanError
from dragoman.protocols.openai_responses.decode_stream import ReplyDecoder
from dragoman.protocols.openai_responses.encode_errors import failure
from dragoman.protocols.openai_responses.glance import Glance
from dragoman.protocols.openai_responses.piece_form import form_of
from dragoman.protocols.streams.silent_events import says_nothing
from dragoman.protocols.streams.sse_decoder import BodyForm
from dragoman.protocols.streams.sse_tap import SseTap, fields_of, framed
from dragoman.types import FinishReason, PartStart, ResponseEnd, ResponseStart, StreamEvent, Usage
from dragoman.wire import json
from dragoman.wire.sse import SseReader, usual_event

NUMBER = re.compile(rb'"sequence_number": ?(\d{1,15})')
"""The number of an event; in a text the quotation marks would be escaped."""
NUMBERED = b'"sequence_number":'
MAX_NUMBER = 40
"""Bytes that are enough for a number and its name."""
ITEM = re.compile(rb'"item": ?\{')
MESSAGE = re.compile(rb'"type": ?"message"')
ANNOUNCED = frozenset({"", "message"})
"""Items that are no content when they begin: none, and a message, whose text follows at once. Of the others nothing may
follow for minutes, as of reasoning that the service does not show, and callers should see that it works."""
ADDED = b"event: response.output_item.added\n"
CREATED = b"event: response.created\n"
BEGINNING, PLACE = b'"response.output_item.added"', b'"output_index"'
MAX_START = 1 << 20
"""Bytes of the first event that are kept, for a failure that comes later: it repeats the tools of the request."""


class Observer(ReplyDecoder):
    """The decoder of a relayed answer. It continues from the state that `glance` has reached."""

    def __init__(self, glance: Glance) -> None:
        super().__init__()
        if glance.began:
            self._form, self._started = BodyForm.STREAM, True
            for index, event in glance.items.items():
                self.feed(event)
                if index in glance.done:
                    self._items.leave(index)


class ResponsesTap(SseTap):
    """Reads an answer as it passes; the module says how."""

    __slots__ = ("_content", "_glance", "_last", "_named", "_observer", "_start")

    reads_passed = True

    def __init__(self) -> None:
        super().__init__()
        self._named = ""
        """The id of the answer."""
        self._glance = Glance()
        self._observer: Observer | None = None
        self._content = False
        """Whether a part has begun."""
        self._start = b""
        """The event that began the answer."""
        self._last = b""
        """The end of what passed last: it has the highest number."""

    @property
    def ending(self) -> bool:
        return False  # the event with the reason to stop is the end mark, too

    @property
    def answer_id(self) -> str:
        return self._named

    def feed(self, data: bytes) -> bytes:
        return self._passed(super().feed(data))

    def finish(self) -> bytes:
        if self.done or self._stuck():
            return b""
        tail, observer = b"".join(self._tail), self._careful()
        observer.joined = False
        self._heed(observer.feed(tail))
        if observer.error is None:
            self._heed(observer.finish())
        if self._stuck():
            return b""
        self._tail = ()
        return self._let_through([self._passing(tail), b"\n\n"])

    def salvage(self) -> bytes:
        return b""

    def failure(self, error: DragomanError) -> bytes:
        return failure(error, _response(self._start), self._number() + 1)

    def passed(self, data: bytes) -> None:
        super().passed(data)
        self._last = data

    # Events, one by one.

    def _event(self, event: bytes) -> bytes:
        glance = self._glance
        if self._observer is not None or not glance.read(event):
            return self._observed(event)
        self._unformed = False
        if glance.piece:
            if glance.content:
                self._content = self.committed = True
                self._learn(event)
        elif glance.reason is not None:
            self._named, self._content = glance.id, glance.content
            self._end(glance.reason, glance.usage)
        elif not self.committed:
            self._note_start(event)
            self._named, self._content = glance.id, glance.content
            self.committed = glance.content or glance.kind not in ANNOUNCED
        return event

    def _observed(self, event: bytes) -> bytes:
        if not self.committed and BEGINNING in event and PLACE not in event:
            self.needs_decoding = True
            return event  # which is held
        observer = self._careful()
        observer.joined = False
        self._heed(observer.feed(event))
        if self._stuck() or observer.unexplained:
            return b""  # our own failure says both
        self._note_start(event)
        # An item that begins is content, unless it only announces a text.
        self.committed = self.committed or (
            event.startswith(ADDED) and ITEM.search(event) is not None and MESSAGE.search(event) is None
        )
        if self._content and usual_event(event) is not None:
            self._learn(event)
        return b"" if says_nothing(event) else self._passing(event)

    def _passing(self, event: bytes) -> bytes:
        """The form in which `event`, which the observer has read, passes."""
        return framed(event) if self._careful().joined else fields_of(event)

    def _note_start(self, event: bytes) -> None:
        if event.startswith(CREATED) and len(event) <= MAX_START:
            self._start = event

    def _learn(self, event: bytes) -> None:
        if self._tries and (known := form_of(event)) is not None:
            self._tries -= 1
            self._known = known

    def _form(self, start: bytes) -> None:
        self._heed(self._careful().feed(start))

    def _is_empty(self, data: bytes) -> bool:
        return not self._content

    def _careful(self) -> Observer:
        """The reader of every kind of event, made when it is first needed."""
        if self._observer is None:
            self._observer = Observer(self._glance)
            self._content = self._glance.content
        return self._observer

    def _heed(self, events: list[StreamEvent]) -> None:
        """Takes over what the observer has learnt."""
        observer = self._careful()
        self._unformed = False
        self.error, self.needs_decoding = observer.error, observer.whole
        for event in events:
            if isinstance(event, PartStart):
                self.committed = self._content = True
            elif isinstance(event, ResponseEnd):
                self._end(event.finish_reason, event.usage)
            elif isinstance(event, ResponseStart):
                self._named = event.id or ""

    def _end(self, reason: FinishReason, usage: Usage | None) -> None:
        self.finish_reason, self.usage, self.done, self.committed = reason, usage, True, True

    def _stuck(self) -> bool:
        """True if nothing of what was read may pass: the answer failed, or must be decoded."""
        return self.error is not None or self.needs_decoding

    def _passed(self, data: bytes) -> bytes:
        if (at := data.rfind(NUMBERED)) >= 0:
            self._last = data[at : at + MAX_NUMBER]  # the beginning may be large, and would be held for minutes
        return data

    def _number(self) -> int:
        """The number of the last event that passed; -1 if none did."""
        found = NUMBER.match(self._last, max(0, self._last.rfind(NUMBERED)))
        return -1 if found is None else int(found[1])


def _response(start: bytes) -> dict[str, Any]:
    """The answer as it was when it began."""
    for event in SseReader().feed(start):
        try:
            value = json.decode_event(event.data)
        except BadEventError:
            break
        if isinstance(value, dict) and isinstance(found := value.get("response"), dict):
            return found
    return {"object": "response", "output": []}
