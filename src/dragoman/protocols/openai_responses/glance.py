"""The usual events of a stream, read in the fast way: items of text, of reasoning and of calls, one after another."""

from collections.abc import Callable
from typing import Any

from msgspec import Raw, Struct, field

from dragoman.protocols.openai_responses.events import (
    ADDED,
    ANNOTATED,
    CREATED,
    ENDS,
    ERROR,
    FAILED,
    GIVEN,
    ITEM_DONE,
    PART_DONE,
    PIECES,
    REFUSAL,
    SUMMARY_DONE,
    TEXT,
    TEXT_DONE,
    decode_delta,
    index_of,
)
from dragoman.protocols.openai_responses.finish_reasons import decode_reason
from dragoman.protocols.openai_responses.usage import read_usage
from dragoman.types import FinishReason, Usage
from dragoman.wire import json
from dragoman.wire.floats import reader
from dragoman.wire.sse import usual_event

MESSAGE = "message"
CALLS = frozenset({"function_call", "custom_tool_call"})
PREFIX = b"event: response."
TEXTS = frozenset({"output_text", "input_text", "text"})
WORDLESS = Raw(b'""')


class _Part(Struct, gc=False):
    type: str
    text: Raw = Raw()

    @property
    def wordless(self) -> bool:
        """Whether it is a text that says nothing, which the decoder passes over."""
        return self.type in TEXTS and self.text == WORDLESS


class _Item(Struct, gc=False):
    type: str
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    content: list[_Part] | None = None


class _ItemEvent(Struct, gc=False):
    item: _Item
    output_index: int


class _PartEvent(Struct, gc=False):
    part: _Part
    output_index: int


class _Named(Struct, gc=False):
    id: str | None = None


class _Started(Struct, gc=False):
    response: _Named


class _State(Struct, kw_only=True, gc=False):
    id: str | None = None
    status: str | None = None
    error: Any = None
    incomplete_details: dict[str, Any] | None = None
    usage: Raw = Raw()
    output_text: Any = None


class _Typed(Struct, gc=False):
    type: str


class _Answer(_State):
    output: list[_Typed]


class _Whole(_State, kw_only=True):
    output: list[_Item]
    errors: Any = None
    message: Any = None
    msg: Any = None
    detail: Any = None

    @property
    def failed(self) -> bool:
        """Whether it may be a failure, in one of the forms that services use."""
        return bool(self.error or self.errors) or not self.message is self.msg is self.detail is None


class _Ended(Struct, gc=False):
    response: _Answer


_started = reader(_Started)
_item_event = reader(_ItemEvent)
_part_event = reader(_PartEvent)
_whole = reader(_Whole)
_ended = reader(_Ended)


class Glance(Struct, gc=False):
    """What the events so far have said. An event of any other kind is not read: then an Observer takes over."""

    began: bool = False
    """The answer has begun."""
    id: str = ""
    """Its id."""
    items: dict[int, bytes] = field(default_factory=dict)
    """The events with which its items began, by their numbers."""
    open: int | None = None
    """The item that is not done."""
    kind: str = ""
    """The type of that item."""
    done: dict[int, str] = field(default_factory=dict)
    """The types of those that are."""
    piece: bool = False
    """The last event was a piece of a text."""
    content: bool = False
    """A part has begun; a text without words is none."""
    called: bool = False
    """A tool call has begun."""
    reason: FinishReason | None = None
    """Why the answer ended; None if it has not."""
    usage: Usage | None = None

    def read(self, event: bytes) -> bool:
        """Whether `event` is of a usual kind, and so has been read."""
        self.piece = False
        found = usual_event(event)
        if found is None:
            return False
        reader = READERS.get(found[0])
        if reader is None:
            # An event of another name says nothing to the decoder.
            return found[0].startswith(PREFIX) and found[0] not in UNUSUAL
        try:
            return reader(self, found[1], event)
        except json.NOT_STRICT:
            return False

    def read_answer(self, body: bytes) -> bool:
        """The same for a whole answer."""
        try:
            answer = _whole(body)
        except json.NOT_STRICT:
            return False
        if answer.failed or not all(map(self._holds, answer.output)):
            return False
        self.id = answer.id or ""
        return self._finish(answer, "completed")

    def _start(self, data: bytes, event: bytes) -> bool:
        if not self.began:
            self.id = _started(data).response.id or ""
            self.began = True
        return True

    def _added(self, data: bytes, event: bytes) -> bool:
        said = _item_event(data)
        item, index = said.item, said.output_index
        if not self.began or self.open is not None or index in self.items or index_of(index) is None:
            return False
        if item.type in CALLS:
            if not item.call_id or not item.name:
                return False
            self.called = self.content = True
        self.open, self.kind, self.items[index] = index, item.type, event
        return True

    def _piece(self, data: bytes, event: bytes) -> bool:
        if self.open is None or decode_delta(data).output_index != self.open:
            return False
        self.piece = self.content = True
        return True

    def _text(self, data: bytes, event: bytes) -> bool:
        said = decode_delta(data)
        if self.open is None or said.output_index != self.open:
            return False
        self.piece = True
        self.content = self.content or bool(said.delta or said.logprobs)
        return True

    def _argument(self, data: bytes, event: bytes) -> bool:
        return self.kind in CALLS and self._piece(data, event)

    def _text_done(self, data: bytes, event: bytes) -> bool:
        return self.content  # if there is none yet, this may be all of the text: the Observer reads it

    def _part_done(self, data: bytes, event: bytes) -> bool:
        said = _part_event(data)
        if self.open is None or said.output_index != self.open or said.part.type == REFUSAL:
            return False
        is_text = said.part.type in {"output_text", "summary_text"}
        self.content = self.content or (is_text and not said.part.wordless)
        return True

    def _item_done(self, data: bytes, event: bytes) -> bool:
        said = _item_event(data)
        item = said.item
        if self.open is None or said.output_index != self.open or item.type != self.kind:
            return False
        if not self._holds(item):
            return False
        self.done[self.open] = self.kind
        self.open = None
        return True

    def _holds(self, item: _Item) -> bool:
        """Whether an item that is whole is of a usual kind."""
        if item.type == MESSAGE:
            if item.content is None or any(part.type == REFUSAL for part in item.content):
                return False
            self.content = self.content or not all(part.wordless for part in item.content)
            return True
        if item.type in CALLS:
            if not item.call_id or not item.name:
                return False
            self.called = True
        self.content = True
        return True

    def _end(self, usual: str, data: bytes) -> bool:
        answer = _ended(data).response
        if not self.began or self.open is not None or answer.error:
            return False
        done = self.done
        known = all(done.get(index) == item.type for index, item in enumerate(answer.output))
        return known and self._finish(answer, usual)

    def _finish(self, answer: _State, usual: str) -> bool:
        status = answer.status or usual
        if status == "failed" or (answer.output_text and not self.content):
            return False
        self.reason, _ = decode_reason(status, answer.incomplete_details, tool_call=self.called, refusal=False)
        self.usage = read_usage(bytes(answer.usage))
        return True


def _ender(usual: str) -> "Reader":
    return lambda glance, data, event: glance._end(usual, data)


Reader = Callable[[Glance, bytes, bytes], bool]

READERS: dict[bytes, Reader] = {
    f"event: {name}".encode(): reader
    for names, reader in (
        (CREATED, Glance._start),
        ({ADDED}, Glance._added),
        ({name for name, kind in PIECES.items() if kind not in {TEXT, GIVEN, REFUSAL}}, Glance._piece),
        ({name for name, kind in PIECES.items() if kind == TEXT}, Glance._text),
        ({name for name, kind in PIECES.items() if kind == GIVEN}, Glance._argument),
        ({name for name, (kind, _) in TEXT_DONE.items() if kind != REFUSAL}, Glance._text_done),
        ({PART_DONE, SUMMARY_DONE}, Glance._part_done),
        ({ITEM_DONE}, Glance._item_done),
    )
    for name in names
} | {f"event: {name}".encode(): _ender(usual) for name, usual in ENDS.items()}
"""The events by the lines with their names."""

UNUSUAL = frozenset(
    f"event: {name}".encode()
    for name in (
        FAILED,
        ERROR,
        ANNOTATED,
        *(name for name, kind in PIECES.items() if kind == REFUSAL),
        *(name for name, (kind, _) in TEXT_DONE.items() if kind == REFUSAL),
    )
)
"""Events that are left to the Observer."""
