"""Opaque state for callers who do not send it back, in the memory of this process. Knows no protocol and no path.

What is kept of a turn belongs to the key that was shown, and is only ever sent to the service and model that wrote it.
If it is gone, the request is translated without it.
"""

from collections.abc import Callable

from msgspec.structs import replace

from dragoman.engine.answer import Answer, Around, Handler
from dragoman.protocols.kept_turns import KeptTurn, TurnReader, noted, turn_key
from dragoman.store import Store
from dragoman.types import ChatRequest, Message, ResponseEnd, StreamEvent
from dragoman.wire import json
from dragoman.wire.floats import reader

SIZE = 64 << 20
"""Bytes of all turns: 64 MiB are about 20,000 turns, because most states have 400 to 2,000 characters."""
MAX_TURN = 256 << 10
"""Bytes of one turn: 256 KiB are enough for any reasoning. Only models that make images write longer states."""
AGE = 3600.0
"""Seconds for which a turn is kept: a tool loop takes minutes."""

_decode = reader(tuple[KeptTurn, ...])

SERVICES = 64
"""Services that may have said the same to one caller: each has its own state, and the latest are kept."""


class KeptTurns:
    """What was kept of turns, by owner."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    def recalled(self, request: ChatRequest, owner: str) -> ChatRequest:
        """`request`, with a note on each turn of which opaque state was kept."""
        if not self._store.size():
            return request
        return replace(request, messages=tuple(self._recalled(message, owner) for message in request.messages))

    def keeping(self, handler: Handler, owner: str) -> Handler:
        """`handler`, of whose answers is kept what callers may drop."""

        async def opened(request: ChatRequest) -> Answer:
            return _Keeping(await handler(request), self, owner)

        return opened

    def keep(self, turn: TurnReader, owner: str) -> None:
        """Keeps what must be kept of a turn."""
        kept, key = turn.kept(), turn.key()
        if kept is None or key is None:
            return
        now = self._clock()
        known = self._store.get(owner, key, now)
        before = () if known is None else _decode(known)
        value = json.encode_to_keep((kept, *(each for each in before if each.origins != kept.origins))[:SERVICES])
        if len(value) <= MAX_TURN:
            self._store.put(owner, key, value, now=now, expires=now + AGE)

    def _recalled(self, message: Message, owner: str) -> Message:
        if message.role != "assistant":
            return message
        key = turn_key(message.parts)
        value = None if key is None else self._store.get(owner, key, self._clock())
        return message if value is None else noted(message, _decode(value))


class _Keeping(Around):
    """An answer whose turn is kept once it is whole, if it has opaque state."""

    def __init__(self, answer: Answer, turns: KeptTurns, owner: str) -> None:
        super().__init__(answer)
        self._turns = turns
        self._owner = owner
        self._turn = TurnReader()

    def _seen(self, events: list[StreamEvent]) -> list[StreamEvent]:
        self._turn.feed(events)
        if self._turn.signed and events and isinstance(events[-1], ResponseEnd):
            self._turns.keep(self._turn, self._owner)
        return events
