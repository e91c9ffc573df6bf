"""Opaque state for callers who do not send it back, in the memory of this process. Knows no protocol and no path.

What is kept of a turn belongs to the key that was shown, and is only ever sent to the service and model that wrote it.
If it is gone, the request is translated without it.

An agent that runs its tests again and again says the same each time: such turns are told apart by how many of them came
before, and those of conversations beside each other by the ids of their calls.
"""

from collections import Counter
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from dragoman.engine.answer import Answer, Around, Handler
from dragoman.engine.beside import beside
from dragoman.protocols.kept_turns import KeptTurn, TurnReader, noted, turn_key
from dragoman.store import Store
from dragoman.types import ChatRequest, Message, ResponseEnd, StreamEvent, ToolCall
from dragoman.wire import json
from dragoman.wire.floats import reader

SIZE = 64 << 20
"""Bytes of all turns: 64 MiB are about 20,000 turns, because most states have 400 to 2,000 characters."""
MAX_TURN = 256 << 10
"""Bytes of one turn, and of others in the same words: 256 KiB are enough for any reasoning. Only models that make
images write longer states."""
AGE = 3600.0
"""Seconds for which a turn is kept: a tool loop takes minutes."""

_decode = reader(tuple[KeptTurn, ...])

LATEST = 64
"""Turns of one caller with the same words that are kept, because their services or the ids of their calls differ."""

Said = Counter[str]
"""How often a conversation has said what, by the keys of its turns."""


class KeptTurns:
    """What was kept of turns, by owner."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    def keeping(self, handler: Handler, owner: str) -> Handler:
        """`handler`, which is given what callers have dropped of the turns before, and of whose answers it is kept."""

        async def opened(request: ChatRequest) -> Answer:
            request, said = await self.recalled(request, owner)
            return _Keeping(await handler(request), self, owner, said)

        return opened

    async def recalled(self, request: ChatRequest, owner: str) -> tuple[ChatRequest, Said]:
        """`request`, with a note on each turn of which opaque state was kept; and what its turns say.

        As long as nothing at all is kept, nothing is looked at. The turns of a long conversation are told apart, and
        noted, by a thread; the store is of this one.
        """
        said: Said = Counter()
        if not self._store.size():
            return request, said
        now, found = self._clock(), dict[int, bytes]()
        for i, key in await beside(request, _keys, request):
            if (value := self._store.get(owner, _name(key, said), now)) is not None:
                found[i] = value
            said[key] += 1
        return (await beside(request, _noted, request, found) if found else request), said

    def keep(self, turn: TurnReader, owner: str, said: Said) -> None:
        """Keeps what must be kept of a turn after those that have `said` something."""
        kept, key = turn.kept(), turn.key()
        if kept is None or key is None:
            return
        now, name = self._clock(), _name(key, said)
        known = self._store.get(owner, name, now)
        before = () if known is None else _decode(known)
        turns = [kept, *(each for each in before if (each.origins, each.ids) != (kept.origins, kept.ids))][:LATEST]
        while len(value := json.encode_to_keep(turns)) > MAX_TURN and len(turns) > 1:
            turns = turns[: len(turns) // 2]
        if len(value) <= MAX_TURN:
            self._store.put(owner, name, value, now=now, expires=now + AGE)


def _keys(request: ChatRequest) -> list[tuple[int, str]]:
    """The numbers of the turns that may be known again, and by what."""
    turns = ((i, message) for i, message in enumerate(request.messages) if message.role == "assistant")
    return [(i, key) for i, message in turns if (key := turn_key(message.parts)) is not None]


def _noted(request: ChatRequest, found: Mapping[int, bytes]) -> ChatRequest:
    """`request` with what was `found` of its turns."""
    messages = list(request.messages)
    for i, value in found.items():
        messages[i] = noted(messages[i], _own_first(_decode(value), messages[i]))
    return replace(request, messages=tuple(messages))


def _name(key: str, said: Said) -> str:
    return f"{key} {said[key]}"


def _own_first(turns: tuple[KeptTurn, ...], message: Message) -> tuple[KeptTurn, ...]:
    """`turns`, those with the calls of `message` first."""
    if len(turns) == 1:
        return turns
    ids = tuple(part.id for part in message.parts if isinstance(part, ToolCall))
    return tuple(sorted(turns, key=lambda turn: turn.ids != ids))


class _Keeping(Around):
    """An answer whose turn is kept once it is whole, if it has opaque state."""

    def __init__(self, answer: Answer, turns: KeptTurns, owner: str, said: Said) -> None:
        super().__init__(answer)
        self._turns = turns
        self._owner = owner
        self._said = said
        self._turn = TurnReader()

    def _seen(self, events: list[StreamEvent]) -> list[StreamEvent]:
        self._turn.feed(events)
        if self._turn.signed and events and isinstance(events[-1], ResponseEnd):
            self._turns.keep(self._turn, self._owner, self._said)
        return events
