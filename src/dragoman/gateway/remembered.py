"""Answers that callers may refer to by an id, for services that keep none. Knows no path.

What is kept of an answer is the whole conversation that led to it, in our own values, and the answer as its caller got
it. It belongs to the key that was shown: with another key it is not found.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.engine.answer import Answer, Around, Handler
from dragoman.gateway.owners import Owners
from dragoman.protocols.tools.search import with_found
from dragoman.store import Store
from dragoman.types import ChatRequest, Message, ResponseEnd, ResponseStart, StreamEvent, Tool
from dragoman.wire import json
from dragoman.wire.floats import reader

T = TypeVar("T")

NONE = Raw(b"[]")
"""The conversation of an answer that broke off."""


class Remembered(Struct, frozen=True, omit_defaults=True):
    """An answer, and what led to it."""

    messages: tuple[Message, ...]
    """The conversation, with the answer as its last turn; what stood beside it is not part of it. Empty if the answer
    broke off: nothing goes on from it."""
    body: Any = None
    """The answer as JSON, in the caller's protocol."""
    items: Any = None
    """What the caller sent, as JSON in its protocol."""
    tools: tuple[Tool, ...] = ()
    """What was found in the conversation: later requests do not say these tools again."""


class Given(Struct, frozen=True):
    """A Remembered of which little is read: the conversation may be long."""

    messages: Raw = NONE
    body: Any = None


class Brought(Struct, frozen=True):
    """What led to an answer, each list of it as `written` gives it."""

    messages: bytes
    items: bytes
    tools: bytes


DELETED = "deleted answers"
"""What follows an owner's name in the store; see PLACE of `owners`."""

log = logging.getLogger("dragoman.gateway")

_decode, _decode_given = reader(Remembered), reader(Given)


def written(values: Iterable[object]) -> bytes:
    """`values` as JSON, with commas between them. A thread that does this lets the loop go on between two of them."""
    return b",".join([json.encode_to_keep(each) for each in values])


class Memory:
    """Answers by owner and id, in a store. `age`: seconds for which each is kept.

    `owners`: which services keep others, in the same store.
    """

    def __init__(self, store: Store, age: float, clock: Callable[[], float]) -> None:
        self._store = store
        self._age = age
        self._clock = clock
        self.owners = Owners(store, age, clock)

    def find(self, owner: str, name: str) -> Remembered | None:
        """The answer; None if it is not here, or no longer."""
        return self._read(_decode, owner, name)

    def body(self, owner: str, name: str) -> Any:
        """The answer as its caller got it; None if it is not here, or no longer, or broke off."""
        found = self._read(_decode_given, owner, name)
        return None if found is None or found.messages == NONE else found.body

    def _read(self, decode: Callable[[bytes], T], owner: str, name: str) -> T | None:
        value = self._store.get(owner, name, self._clock())
        try:
            return None if value is None else decode(value)
        except json.NOT_STRICT:
            # Another version of us wrote it, in another form.
            log.warning("the store has an answer that cannot be read; it counts as gone")
            return None

    def keep(self, owner: str, name: str, led: Brought, answer: bytes | None, body: bytes) -> None:
        """Keeps an answer. `answer`: what it adds to the messages, as `written` gives it; None if it broke off.

        Of a long conversation most was written before the answer came, so that its end has only to be put together.
        """
        turns = b"" if answer is None else b",".join([each for each in (led.messages, answer) if each])
        parts = b'{"messages":[', turns, b'],"body":', body, b',"items":[', led.items, b'],"tools":[', led.tools, b"]}"
        value, now = b"".join(parts), self._clock()
        if (
            not self._store.put(owner, name, value, now=now, expires=now + self._age)
            and len(value) > self._store.max_bytes
        ):
            log.warning("an answer of %d bytes is not kept: it is larger than the store", len(value))

    def forget(self, owner: str, name: str) -> bool:
        """Whether there was such an answer, here or at a service, which now is gone."""
        found = self._store.delete(owner, name)
        elsewhere = self.owners.forget(owner, name)
        if found or elsewhere:
            now = self._clock()
            self._store.put(f"{owner} {DELETED}", name, b"", now=now, expires=now + self._age)
        return found or elsewhere

    def is_deleted(self, owner: str, name: str) -> bool:
        """Whether the answer was there, and was to be forgotten: its stream may still be held by a worker."""
        return self._store.get(f"{owner} {DELETED}", name, self._clock()) is not None


def following(request: ChatRequest, earlier: Remembered, protocol: str, field: str) -> ChatRequest:
    """`request`, which refers to an earlier answer by `field` of its protocol, as one that has all of it."""
    own = {name: value for name, value in request.extra.get(protocol, {}).items() if name != field}
    extra = {name: fields for name, fields in request.extra.items() if name != protocol}
    return replace(
        request,
        messages=(*(each for each in request.messages if each.top_level), *earlier.messages, *turns_of(request)),
        source=b"",
        tools=with_found(request.tools, earlier.tools),
        extra=extra | ({protocol: own} if own else {}),
        essential=tuple(name for name in request.essential if name != field),
    )


def turns_of(request: ChatRequest) -> tuple[Message, ...]:
    """The turns of a conversation, without what stands beside it."""
    return tuple(message for message in request.messages if not message.top_level)


class Remembering(Around):
    """An answer with further fields, by protocol, at its start and its end.

    `answer_id`: None leaves it the service's.
    """

    def __init__(self, answer: Answer, answer_id: str | None, extra: dict[str, Any]) -> None:
        super().__init__(answer)
        self._id = answer_id
        self._extra = extra

    def _seen(self, events: list[StreamEvent]) -> list[StreamEvent]:
        if not events:
            return events
        if isinstance(first := events[0], ResponseStart):
            events[0] = replace(first, id=self._id or first.id, extra=first.extra | self._extra)
        if isinstance(last := events[-1], ResponseEnd):
            merged = {name: fields | last.extra.get(name, {}) for name, fields in self._extra.items()}
            events[-1] = replace(last, extra=last.extra | merged)
        return events


def remembering(handler: Handler, extra: dict[str, Any]) -> Handler:
    """`handler`, whose answers have the further fields `extra`."""

    async def opened(request: ChatRequest) -> Answer:
        return Remembering(await handler(request), None, extra)

    return opened
