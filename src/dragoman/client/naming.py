"""Answers that carry the model's name that was asked for, so that a caller can ask for it again."""

from collections.abc import Awaitable

from msgspec.structs import replace

from dragoman.engine.answer import Answer, Around, Receive
from dragoman.engine.text_bypass import SendAhead
from dragoman.protocols.speech import OURS
from dragoman.types import ResponseStart, StreamEvent


class Named(Around):
    """An answer of `model`, a route or `provider/model`. `extra` keeps the service's own name of it, and which target
    of a route it was."""

    def __init__(self, answer: Answer, model: str, target: str) -> None:
        super().__init__(answer)
        self._model = model
        self._target = target

    async def read(self) -> list[StreamEvent]:
        events = await self._answer.read()
        if events and isinstance(first := events[0], ResponseStart):
            events[0] = self._named(first)
        self.read = self._answer.read  # type: ignore[method-assign]  # spares each later batch a call
        return events

    def follow(self, receive: Receive, send_ahead: SendAhead) -> Awaitable[None] | None:
        return self._answer.follow(receive, send_ahead)

    def _named(self, start: ResponseStart) -> ResponseStart:
        self.model = start.model or ""
        kept = {} if start.model in {None, self._model} else {"model": start.model}
        if self._target != self._model:
            kept["target"] = self._target
        return replace(start, model=self._model, extra=start.extra | {OURS: kept} if kept else start.extra)
