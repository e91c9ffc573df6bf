"""Keeps an answer, with what led to it, for later requests to go on from."""

import asyncio
from typing import Any

from dragoman.engine.answer import Answer, Handler
from dragoman.engine.beside import is_long
from dragoman.engine.env import system_env
from dragoman.gateway.fronts.openai_responses.earlier import followed, led_by
from dragoman.gateway.remembered import Brought, Memory, Remembered, Remembering, turns_of, written
from dragoman.protocols.compaction import summary_in, summary_message
from dragoman.protocols.openai_responses import NAME, input_items
from dragoman.protocols.openai_responses.item_ids import ANSWER
from dragoman.protocols.tools.search import all_found
from dragoman.types import ChatRequest, Message

STORED = {NAME: {"store": True}}
"""The field of an answer that is kept."""


def brought(own: ChatRequest, earlier: Remembered | None, answer_id: str) -> Brought:
    """What a request brings; `own`: as its caller sent it.

    Of a conversation that is compacted, nothing but its summary will be gone on from.
    """
    items = written(input_items(own, answer_id, () if earlier is None else listed(earlier)))
    if own.compact:
        return Brought(b"", items, b"")
    request = followed(own, earlier)
    return Brought(written(turns_of(request)), items, written(all_found(request.tools)))


def listed(earlier: Remembered) -> list[dict[str, Any]]:
    """The items of an answer and of what led to it, as its caller has them."""
    body = earlier.body if isinstance(earlier.body, dict) else {}
    output = body.get("output") or []
    return [*(earlier.items or []), *output]


def added(turn: Message, *, compact: bool) -> tuple[Message, ...]:
    """What an answer adds to that for later requests to go on from: its turn, or the summary in place of all turns."""
    summaries = [text for part in turn.parts if (text := summary_in(part)) is not None]
    if compact and summaries:
        return tuple(map(summary_message, summaries))
    # No service takes a turn without words.
    return (turn,) if turn.parts else ()


class Keeping:
    """A handler whose answer gets an id of ours, and is kept with what led to it once it has ended.

    `own`: the request as it came, `earlier`: what it goes on from; the handler is asked with both.
    """

    __slots__ = ("_asked", "_compact", "_led", "_memory", "_owner", "id")

    def __init__(
        self, handler: Handler, memory: Memory, owner: str, own: ChatRequest, earlier: Remembered | None
    ) -> None:
        self._memory = memory
        self._owner = owner
        self._asked: tuple[Handler, ChatRequest, Remembered | None] | None = (handler, own, earlier)
        """What is asked; taken out by the call: an open stream does not need it, and it may be large."""
        self.id = f"{ANSWER}{system_env().new_id()}"
        self._compact = own.compact
        self._led: Brought

    async def __call__(self, request: ChatRequest) -> Answer:
        assert self._asked is not None  # noqa: S101  # it is called once
        (handler, own, earlier), self._asked = self._asked, None
        # Of a long conversation before the answer, whose first event should not wait for it.
        led = await asyncio.to_thread(brought, own, earlier, self.id) if is_long(request) else None
        name = led_by(own)
        extra = {NAME: STORED[NAME] | name} if name else STORED
        answer = Remembering(await handler(request), self.id, extra)
        # An open stream holds the bytes that will be kept, and none of the request's values.
        self._led = led or brought(own, earlier, self.id)
        return answer

    def keep(self, body: bytes, turn: Message | None) -> None:
        """Keeps the answer as its caller got it; nothing can go on from it if it is not whole."""
        turns = None if turn is None else written(added(turn, compact=self._compact))
        self._memory.keep(self._owner, self.id, self._led, turns, body)
