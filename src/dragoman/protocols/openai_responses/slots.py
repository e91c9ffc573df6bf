"""Items under way: gives a stream of items the order of our grammar, in which one part is open at a time.

As a rule a service finishes an item before it begins the next. If it does not, what it says of a later item waits until
the one before is done. Of a part under way nothing is kept but how much of it has gone out: when its item is done, the
service repeats all of it, and what has not gone out until then goes out now. So it does not matter which of the many
events of a stream a service leaves out.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.errors import InvalidRequestError
from dragoman.protocols.json_fields import Fields
from dragoman.protocols.openai_responses.extra import MESSAGE, to_extra
from dragoman.protocols.openai_responses.item_numbers import ItemNumbers
from dragoman.protocols.openai_responses.items import WHOLE, ItemReader, Place
from dragoman.protocols.streams.whole_text import rest
from dragoman.types import (
    AnyPart,
    Audio,
    Citation,
    Extra,
    HostedCall,
    Metadata,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    StreamEvent,
    Text,
    TokenLogprob,
    ToolCall,
)
from dragoman.wire.utf8 import well_formed

LOST = "\ufffd"
"""What becomes of half a character whose other half never came."""

FIELDS = frozenset({"id", "type", "status", "role", "content", "summary", "encrypted_content"})
"""Of an item that begins: those that are read when it is done, or say nothing."""

Work = Callable[[list[StreamEvent]], None]
Key = tuple[int, str, int]


def _place(key: Key) -> Place:
    return key[1], key[2]


class _Item(Struct):
    """What is known of an item under way."""

    id: str | None = None
    around: Extra = field(default_factory=dict)
    """Fields of the item, for its first part."""
    begun: dict[str, Any] = field(default_factory=dict)
    """All of it as it was when it began, which holds if the service never says how it ended."""
    sent: dict[Place, int] = field(default_factory=dict)
    """Characters of each part that have gone out."""


class Items:
    """Opens, fills and closes the parts of items. Each method appends its events to `out`."""

    def __init__(self, reader: ItemReader) -> None:
        self._reader = reader
        self._current: int | None = None
        """The item whose parts go out."""
        self._waiting: dict[int, deque[Work]] = {}
        self._items: dict[int, _Item] = {}
        self._done: set[int] = set()
        self._numbers = ItemNumbers()
        self.open: Key | None = None
        """The open part: the number of its item, and its place in it."""
        self._said: Extra = {}
        """What was said of the open part when it began."""
        self._more = NOTHING
        """The same when it was complete."""
        self.count = 0
        """Characters of the open part that have gone out."""
        self.last = ""
        """The last piece of them."""
        self.differs = False
        """Whether a text, when it was done, was another one than its pieces."""
        self._cited = 0
        self.tokens = False
        """Whether log probabilities of the open part have gone out."""
        self._halves: dict[Key, str] = {}
        self.called = self.refused = self.begun = False
        """Whether a call, a refusal, and any part has begun."""

    @property
    def plain(self) -> bool:
        """Whether no half of a character is held back."""
        return not self._halves

    @property
    def moved(self) -> bool:
        """Whether several items were given one place, so that the place alone does not name an item."""
        return bool(self._numbers.moved)

    def number(self, place: int | None, named: object) -> int:
        """The number of an item, by its place in the answer or its id; else that of the item under way."""
        found = self._numbers.find(place, named)
        if found is None:
            found = 0 if self._current is None else self._current
        self.met(named, found)
        return found

    def met(self, named: object, number: int) -> None:
        """Something of an item came, under this id."""
        if number not in self._done:  # else it is of another item, which the whole answer will tell
            self._numbers.met(named, number)

    def add(self, place: int | None, item: object, out: list[StreamEvent]) -> None:
        """An item begins."""
        if not isinstance(item, dict):
            return
        before = self._numbers.find(place, None)
        index = self._numbers.begin(place, item, done=before in self._done)
        if before is not None and before != index and self._numbers.nameless(before):
            self.end(before, self._item(before).begun, out)  # nothing more can be said of it
        self._work(index, lambda out: self._begin_item(index, item), out)
        if item.get("type") in ("function_call", "custom_tool_call"):
            self._work(index, lambda out: self._begin_call(index, item, out), out)

    def piece(
        self, key: Key, empty: AnyPart | None, text: str, tokens: tuple[TokenLogprob, ...], out: list[StreamEvent]
    ) -> None:
        """A piece of a part; `empty`: the part without it, None for one that must have begun."""
        self._work(key[0], lambda out: self._piece(key, empty, text, tokens, out), out)

    def cite(self, index: int, place: Place, citation: Citation, out: list[StreamEvent]) -> None:
        """A source of a text."""
        self._work(index, lambda out: self._cite((index, *place), (citation,), out), out)

    def end_text(
        self, key: Key, empty: AnyPart | None, text: str, tokens: tuple[TokenLogprob, ...], out: list[StreamEvent]
    ) -> None:
        """The text of a part is complete, and this is all of it; what else the part has may still come."""
        self._work(key[0], lambda out: self._end_text(key, empty, text, tokens, out), out)

    def end_part(self, index: int, place: Place, part: AnyPart, out: list[StreamEvent]) -> None:
        """A part is complete, and this is all of it."""
        self._work(index, lambda out: self._complete((index, *place), part, out), out)

    def end(self, index: int, item: object, out: list[StreamEvent]) -> None:
        """An item is done, and this is all of it."""
        if isinstance(item, dict):
            self._end_with(index, [item], out)

    def leave(self, index: int) -> None:
        """Marks an item as done whose events were read elsewhere."""
        self.open = self._current = None
        self._done.add(index)

    def close(self, output: list[Any], out: list[StreamEvent]) -> None:
        """The answer is done, and this is all of its items: what has not gone out until now goes out."""
        numbers = self._numbers.in_answer(output)
        items: dict[int, list[dict[str, Any]]] = {}
        for index, item in zip(numbers, output, strict=True):
            if isinstance(item, dict):
                items.setdefault(index, []).append(item)
        while self._current is not None:
            index = self._current
            self._end_with(index, items.get(index, []) if output else [self._item(index).begun], out)
        for index, found in items.items():
            if index not in self._done:
                self._end_with(index, found, out)

    # What waits.

    def _work(self, index: int, work: Work, out: list[StreamEvent]) -> None:
        if index in self._done:
            return  # it was whole, and this is said twice
        if self._current is None:
            self._current = index
        if index != self._current:
            self._waiting.setdefault(index, deque()).append(work)
            return
        work(out)
        self._go_on(out)

    def _go_on(self, out: list[StreamEvent]) -> None:
        """If no item is under way, does what waits of the next."""
        while self._current is None and self._waiting:
            self._current = following = next(iter(self._waiting))
            for each in self._waiting.pop(following):
                if following not in self._done:
                    each(out)

    # What is done at once.

    def _begin_item(self, index: int, item: dict[str, Any]) -> None:
        named = item.get("id")
        kind = item.get("type")
        rest = {f"{MESSAGE}{name}": value for name, value in item.items() if name not in FIELDS and value is not None}
        around = to_extra(rest) if kind == "message" else {}
        self._items[index] = _Item(named if isinstance(named, str) else None, around, item)

    def _begin_call(self, index: int, item: dict[str, Any], out: list[StreamEvent]) -> None:
        with suppress(InvalidRequestError):  # of one in an odd form all is read when it is done
            for _, call in self._reader.read(Fields(item)):
                if isinstance(call, ToolCall):
                    self._open((index, WHOLE, 0), replace(call, arguments=""), out)

    def _piece(
        self, key: Key, empty: AnyPart | None, text: str, tokens: tuple[TokenLogprob, ...], out: list[StreamEvent]
    ) -> None:
        if key != self.open:
            if empty is None or (isinstance(empty, Text) and not (text or tokens)):
                return  # a call without a name, all of which comes when it is done; or a text without words
            self._open(key, empty, out)
        if text and (self._halves or not text.isascii()):
            text = self._whole_characters(key, text)
        if text or tokens:
            self.count += len(text)
            self.last = text
            self.tokens = self.tokens or bool(tokens)
            out.append(PartDelta(text, tokens or None))

    def _end_text(
        self, key: Key, empty: AnyPart | None, text: str, tokens: tuple[TokenLogprob, ...], out: list[StreamEvent]
    ) -> None:
        self.refused = self.refused or (isinstance(empty, Refusal) and bool(text))
        if key == self.open:
            self._halves.pop(key, None)
            text, tokens = self._rest(text), () if self.tokens else tokens
        elif _place(key) in self._item(key[0]).sent:
            return
        if text or tokens:
            self._piece(key, empty, text, tokens, out)

    def _rest(self, whole: str) -> str:
        """What has not gone out of the text of the open part, which is complete now."""
        more = rest(whole, self.count, self.last)
        self.differs = self.differs or more is None
        return more or ""

    def _whole_characters(self, key: Key, text: str) -> str:
        text = self._halves.pop(key, "") + text
        if "\ud800" <= text[-1] <= "\udbff":
            self._halves[key] = text[-1]
            text = text[:-1]
        return well_formed(text)

    def _cite(self, key: Key, citations: tuple[Citation, ...], out: list[StreamEvent]) -> None:
        if key != self.open:
            if _place(key) in self._item(key[0]).sent:
                return  # of a part that is closed nothing more can be said
            self._open(key, Text(text=""), out)
        self._cited += len(citations)
        out.append(Metadata(citations=citations))

    def _complete(self, key: Key, part: AnyPart, out: list[StreamEvent]) -> None:
        """Sends what of the open `part` has not gone out; all of it, if it is not open."""
        if key != self.open:
            sent = self._item(key[0]).sent
            if _place(key) in sent or _is_wordless(part):
                return
            if not (isinstance(part, Reasoning) and part.opaque is None):
                known = self._item(key[0]).id
                self._whole(part if part.item is not None else replace(part, item=known), out)
                sent[_place(key)] = len(_text_of(part))
                return
            self._open(key, replace(part, text=""), out)  # it stays so: its state comes when the item is done
        text = _text_of(part)
        self._more = part.extra
        self.refused = self.refused or (isinstance(part, Refusal) and bool(text))
        if more := self._rest(text):
            self._halves.pop(key, None)
            out.append(PartDelta(more))
            self.count, self.last = len(text), more
        if isinstance(part, Text) and part.logprobs and not self.tokens:
            self.tokens = True
            out.append(PartDelta("", part.logprobs))
        if isinstance(part, Text) and len(part.citations) > self._cited:
            out.append(Metadata(citations=part.citations[self._cited :]))
            self._cited = len(part.citations)

    def _end_with(self, index: int, items: list[dict[str, Any]], out: list[StreamEvent]) -> None:
        self._work(index, lambda out: self._end(index, items, out), out)

    def _end(self, index: int, items: list[dict[str, Any]], out: list[StreamEvent]) -> None:
        """`items`: all of the item; several, if the service gave pieces of them no number of their own."""
        if index not in self._items and items:
            self._begin_item(index, items[0])
        state = None
        for place, part in (placed for item in items if item for placed in self._reader.read_loosely(item, index)):
            key = (index, *place)
            if key == self.open:
                self._complete(key, part, out)
                state = part.opaque or state
            elif place in self._item(index).sent or (_is_hidden(part) and self._has_begun(index)):
                state = part.opaque or state  # it is closed, but the item's state may go with the open part
            else:
                self._close(out, state)
                state = None
                self._complete(key, part, out)
        self._close(out, state)
        if any(items) or self._item(index).sent:
            self._done.add(index)  # else it said nothing, and may do so in the whole answer
        self._current = None

    def _whole(self, part: AnyPart, out: list[StreamEvent]) -> None:
        self._close(out)
        match part:
            case Text(text=text) | Refusal(text=text) | Reasoning(text=text):
                bare: AnyPart = replace(part, text="", opaque=None)
            case ToolCall(arguments=text) | HostedCall(arguments=text):
                bare = replace(part, arguments="", opaque=None)
            case _:
                text, bare = "", part
        self._note(part)
        out.append(PartStart(bare))
        if text:
            out.append(PartDelta(text))
        out.append(PartEnd(part.opaque if bare is not part else None))

    def _has_begun(self, index: int) -> bool:
        """Whether a part of an item has."""
        return bool(self._item(index).sent) or (self.open is not None and self.open[0] == index)

    def _item(self, index: int) -> _Item:
        return self._items.setdefault(index, _Item())

    def _open(self, key: Key, empty: AnyPart, out: list[StreamEvent]) -> None:
        self._close(out)
        item = self._item(key[0])
        extra = {name: empty.extra.get(name, {}) | said for name, said in item.around.items()} or empty.extra
        item.around = {}
        part = replace(empty, item=item.id, extra=extra)
        self._note(part)
        self.open, self._said, self.count, self._cited, self.tokens = key, extra, 0, 0, False
        self._more, self.last = NOTHING, ""
        out.append(PartStart(part))

    def _close(self, out: list[StreamEvent], state: OpaqueState | None = None) -> None:
        if self.open is None:
            return
        if self._halves.pop(self.open, ""):
            out.append(PartDelta(LOST))
        self._item(self.open[0]).sent[_place(self.open)] = self.count
        more = {name: new for name, said in self._more.items() if (new := _new(said, self._said.get(name, {})))}
        out.append(PartEnd(state, more or None))
        self.open = None

    def _note(self, part: AnyPart) -> None:
        self.begun = True
        self.called = self.called or isinstance(part, ToolCall)
        self.refused = self.refused or isinstance(part, Refusal)


NOTHING: Extra = {}


def _new(said: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in before or before[name] != value}


def _is_wordless(part: AnyPart) -> bool:
    """Whether it is a text that says nothing, which no answer has as a part: overloaded services end with one."""
    return isinstance(part, Text) and not (part.text or part.citations) and part.opaque is None


def _is_hidden(part: AnyPart) -> bool:
    """Whether it stands for reasoning that is not shown: if some of it was, it is none."""
    return isinstance(part, Reasoning) and part.form == "redacted"


def _text_of(part: AnyPart) -> str:
    match part:
        case Text(text=text) | Refusal(text=text) | Reasoning(text=text):
            return text
        case ToolCall(arguments=text) | HostedCall(arguments=text):
            return text
        case Audio(data=data):
            return data or ""
        case _:
            return ""
