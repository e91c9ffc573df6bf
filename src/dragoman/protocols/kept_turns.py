"""What callers do not send back of an assistant's turn: opaque state, and the reasoning that it belongs to.

A caller whose protocol has no place for opaque state, or who builds its messages anew, sends back only the text and
the calls of a turn. By these the turn is known again (`turn_key`), and what was kept of it becomes a note on its
message. The service that wrote the state gets it with the turn (`with_kept`); for any other the note does not exist, so
that nothing is lost which the caller did not send. Knows no protocol by name.

A caller may also send back all states, but not where they were: in a protocol that has the reasoning of a turn in one
place, what stood between two calls comes first; or the thoughts are left out, and their state stands on the part after
them. The service takes its own state only where it was, and gets it there.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from hashlib import sha256
from operator import is_
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.protocols.opaque import is_own
from dragoman.protocols.speech import OURS
from dragoman.types import (
    AnyPart,
    ChatRequest,
    Message,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    StreamEvent,
    Text,
    ToolCall,
)
from dragoman.types.growing_text import GrowingText
from dragoman.wire import floats

NOTE = "kept_turn"
"""The name of the note in a message's `extra`."""


class PlacedReasoning(Struct, frozen=True):
    """Reasoning, and its place in the turn."""

    part: Reasoning
    letters: int
    """Characters of the turn's text that came before it."""
    calls: int
    """Calls that came before it."""


class KeptTurn(Struct, frozen=True):
    """What is kept of a turn. The reasoning is here with its words: its state is bound to them."""

    texts: tuple[OpaqueState | None, ...]
    """The state of each text."""
    calls: tuple[OpaqueState | None, ...]
    """The state of each call."""
    reasoning: tuple[PlacedReasoning, ...]
    ids: tuple[str, ...] = ()
    """The ids of the calls, as the service gave them: not every caller sends them back."""

    @property
    def states(self) -> tuple[OpaqueState, ...]:
        """All of it, that of the reasoning first."""
        states = (*(each.part.opaque for each in self.reasoning), *self.texts, *self.calls)
        return tuple(state for state in states if state is not None)

    @property
    def origins(self) -> frozenset[str | None]:
        """Whose state it is."""
        return frozenset(state.origin for state in self.states)

    def is_for(self, own: str, written: str | None) -> bool:
        """Whether the service with the protocol `own` and the origin `written` can read it."""
        return any(is_own(state, own, written) for state in self.states)

    @property
    def places(self) -> tuple[object, ...]:
        """Where each state stands. Texts may have been joined, so that their number counts for nothing."""
        texts = tuple(state for state in self.texts if state is not None)
        thoughts = tuple(
            (each.part.opaque, each.letters, each.calls) for each in self.reasoning if each.part.opaque is not None
        )
        return texts, self.calls, thoughts

    def completes(self, sent: "KeptTurn | None") -> bool:
        """Whether a turn that came with no state, or with those of `sent`, lacks what is kept or has moved it."""
        return sent is None or (Counter(sent.states) == Counter(self.states) and sent.places != self.places)


def turn_key(parts: Iterable[AnyPart]) -> str | None:
    """By what a turn is known again: a hash of its text and of its calls, in order. None if it has neither.

    Ids of calls are no part of it, because some protocols have none; nor is how its arguments are spelt, because
    callers write the JSON anew.
    """
    return _reader_of(parts).key()


def _spelt(call: ToolCall) -> str:
    """The arguments of a call in one spelling. It is only compared, never sent."""
    if call.input_format == "text":
        return call.arguments
    try:
        value = floats.decode(call.arguments or "{}")
        return msgspec.json.encode(_as_doubles(value), order="deterministic").decode()
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return call.arguments


EXACT = 1 << 53
"""Integers up to this one are the same in JavaScript, whose programs round larger ones."""


def _as_doubles(value: Any) -> Any:
    """A JSON value as JavaScript's programs have it."""
    match value:
        case int() if not -EXACT <= value <= EXACT:
            return float(value)
        case dict():
            return {name: _as_doubles(inner) for name, inner in value.items()}
        case list():
            return [_as_doubles(inner) for inner in value]
        case _:
            return value


def kept_turn(parts: Iterable[AnyPart]) -> KeptTurn | None:
    """What must be kept of a turn; None if it has no opaque state."""
    return _reader_of(parts).kept()


def noted(message: Message, kept: tuple[KeptTurn, ...]) -> Message:
    """`message`, with what was kept of the turn: one for each service that has said the same."""
    return replace(message, extra=message.extra | {OURS: message.extra.get(OURS, {}) | {NOTE: kept}})


def with_kept(request: ChatRequest, own: str, written: str | None) -> ChatRequest:
    """`request` with what was kept for this service; the same object if there is none."""
    messages = [_with_kept(message, own, written) if message.extra else message for message in request.messages]
    return request if all(map(is_, messages, request.messages)) else replace(request, messages=tuple(messages))


def _with_kept(message: Message, own: str, written: str | None) -> Message:
    noted = message.extra.get(OURS, {}).get(NOTE)
    if not isinstance(noted, tuple):
        return message
    sent = kept_turn(message.parts)
    kept = next((each for each in noted if each.is_for(own, written) and each.completes(sent)), None)
    return message if kept is None else replace(message, parts=_restored(message.parts, kept))


def _restored(parts: Sequence[AnyPart], kept: KeptTurn) -> tuple[AnyPart, ...]:
    """`parts` as the service gave them. A caller may have joined texts, and has put calls after them."""
    if kept.reasoning:
        parts = [part for part in parts if not isinstance(part, Reasoning)]
    texts = deque(_spread(kept.texts, sum(isinstance(part, Text | Refusal) for part in parts)))
    calls = deque(kept.calls)
    waiting = deque(kept.reasoning)
    letters = called = 0
    found: list[AnyPart] = []
    for part in parts:
        while waiting and waiting[0].letters <= letters and waiting[0].calls <= called:
            found.append(waiting.popleft().part)
        match part:
            case Text() | Refusal():
                letters += len(part.text)
                found.append(replace(part, opaque=texts.popleft()))
            case ToolCall():
                called += 1
                found.append(replace(part, opaque=calls.popleft()))
            case _:
                found.append(part)
    return (*found, *(each.part for each in waiting))


def _spread(states: Sequence[OpaqueState | None], count: int) -> Sequence[OpaqueState | None]:
    """The states of `count` texts. If they were joined or cut, the last state goes to the last text."""
    if len(states) == count or not count:
        return states
    last = next((state for state in reversed(states) if state is not None), None)
    return (*(None for _ in range(count - 1)), last)


LARGEST = 256 << 10
"""Characters of reasoning and of arguments in a turn; one that has more is not kept."""
HASHED = 1 << 8
"""Characters of a text that are hashed at a time: so much is held of it, however long it is."""


class _Said(Struct, frozen=True, gc=False):
    """A text that is complete: its opaque state."""

    state: OpaqueState | None


class _Called(Struct, frozen=True, gc=False):
    """A call that is complete: its opaque state, and by what it is known again."""

    state: OpaqueState | None
    name: str
    arguments: str
    """In one spelling."""
    id: str


class TurnReader:
    """Collects of a turn what is kept of it, and by what it is known again. Of its text only a hash is held."""

    __slots__ = ("_calls", "_closed", "_hash", "_letters", "_open", "_size", "_unhashed", "signed")

    def __init__(self) -> None:
        self.signed = False
        """Whether a part that is complete has opaque state."""
        self._hash = sha256()
        """Of the text so far."""
        self._letters = 0
        """The characters of it."""
        self._closed: list[_Said | _Called | PlacedReasoning] = []
        """The parts that are complete."""
        self._calls = 0
        """How many of them are calls."""
        self._size = 0
        """Characters of reasoning and of arguments; above LARGEST nothing of them is held."""
        self._open: Text | Refusal | Reasoning | ToolCall | None = None
        self._unhashed = GrowingText()
        """What of the open part was not hashed."""

    def key(self) -> str | None:
        """See `turn_key`; None too if it is not kept."""
        if self._size > LARGEST or not (self._letters or self._calls):
            return None
        found = self._hash.copy()
        calls = [(each.name, each.arguments) for each in self._closed if isinstance(each, _Called)]
        found.update(repr(calls).encode("utf-8", "surrogatepass"))
        return found.hexdigest()

    def kept(self) -> KeptTurn | None:
        """See `kept_turn`; None too if it is not kept."""
        if not self.signed or self._size > LARGEST:
            return None
        return KeptTurn(
            tuple(each.state for each in self._closed if isinstance(each, _Said)),
            tuple(each.state for each in self._closed if isinstance(each, _Called)),
            tuple(each for each in self._closed if isinstance(each, PlacedReasoning)),
            tuple(each.id for each in self._closed if isinstance(each, _Called)),
        )

    def feed(self, events: Iterable[StreamEvent]) -> None:
        """Reads a batch of a stream."""
        for event in events:
            if isinstance(event, PartDelta):  # nearly all are, and this costs a fifth of a `match`
                if self._open is not None:
                    self._say(event.text)
            elif type(event) is PartStart:
                part = event.part
                self._open = part if isinstance(part, Text | Refusal | Reasoning | ToolCall) else None
                self._unhashed = GrowingText()
                self._say(_begun(self._open))
            elif type(event) is PartEnd and self._open is not None:
                self._close(self._open, event.opaque)

    def add(self, part: AnyPart) -> None:
        """Reads a part that is complete."""
        self.feed((PartStart(part), PartEnd()))

    def _say(self, text: str) -> None:
        """More of the open part."""
        if not text:
            return
        self._unhashed.add(text)
        if isinstance(self._open, Text | Refusal):
            self._letters += len(text)
            if self._letters % HASHED < len(text):  # it has passed another multiple
                self._hash_text()
        else:
            self._size += len(text)
            if self._size > LARGEST:
                self._unhashed = GrowingText()

    def _hash_text(self) -> None:
        self._hash.update(str(self._unhashed).encode("utf-8", "surrogatepass"))
        self._unhashed = GrowingText()

    def _close(self, part: Text | Refusal | Reasoning | ToolCall, state: OpaqueState | None) -> None:
        state = state or part.opaque
        if isinstance(part, Text | Refusal):
            self._hash_text()
            self._closed.append(_Said(state))
        elif isinstance(part, ToolCall):
            spelt = _spelt(replace(part, arguments=str(self._unhashed)))
            self._closed.append(_Called(state, part.name, spelt, part.id))
            self._calls += 1
        else:
            thought = replace(part, text=str(self._unhashed), opaque=state)
            self._closed.append(PlacedReasoning(thought, self._letters, self._calls))
        self.signed = self.signed or state is not None
        self._open, self._unhashed = None, GrowingText()


def _begun(part: AnyPart | None) -> str:
    """What a part has said when it begins."""
    match part:
        case Text(text) | Refusal(text) | Reasoning(text):
            return text
        case ToolCall():
            return part.arguments
        case _:
            return ""


def _reader_of(parts: Iterable[AnyPart]) -> TurnReader:
    reader = TurnReader()
    for part in parts:
        reader.add(part)
    return reader
