"""Services that take their time, by the loop's clock: for a loop whose clock is paused, see `paused`."""

import asyncio
from collections.abc import Sequence
from typing import Any

from dragoman.engine.answer import Answer, Handler
from dragoman.errors import DragomanError
from dragoman.routing.plan import Target
from dragoman.transport.base import Reply
from dragoman.types import (
    ChatRequest,
    Loss,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
)

Step = tuple[float, list[StreamEvent] | DragomanError]
"""Seconds, and what comes then."""


class TimedAnswer(Answer):
    """Plays steps."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = list(steps)
        self.closed = False

    async def read(self) -> list[StreamEvent]:
        if self.closed or not self._steps:
            return []
        seconds, step = self._steps[0]
        await asyncio.sleep(seconds)
        del self._steps[:1]
        if isinstance(step, DragomanError):
            raise step
        return list(step)

    def close(self) -> None:
        self.closed = True


class TimedService:
    """A handler whose answers play `steps`, opened after `opening` seconds; or `refusal` comes then."""

    def __init__(self, *steps: Step, opening: float = 0.0, refusal: DragomanError | None = None) -> None:
        self.steps = steps
        self._opening = opening
        self._refusal = refusal
        self.asked: list[ChatRequest] = []
        self.asked_at: list[float] = []
        self.left_at: list[float] = []
        """When requests to it were cancelled."""
        self.answers: list[TimedAnswer] = []

    async def __call__(self, request: ChatRequest) -> Answer:
        loop = asyncio.get_running_loop()
        self.asked.append(request)
        self.asked_at.append(loop.time())
        try:
            await asyncio.sleep(self._opening)
        except asyncio.CancelledError:
            self.left_at.append(loop.time())
            raise
        if self._refusal is not None:
            raise self._refusal
        self.answers.append(TimedAnswer(self.steps))
        return self.answers[-1]

    @property
    def open(self) -> int:
        """Answers that nobody has closed."""
        return sum(not answer.closed for answer in self.answers)


def target(name: str, service: Handler, **said: Any) -> Target:
    """A target of this service; `continues`: it takes the beginning of an answer."""

    async def received(request: ChatRequest, reply: Reply, lost: tuple[Loss, ...]) -> Answer:
        raise AssertionError("nothing is relayed here")

    continues = service if said.pop("continues", True) else None
    return Target(name, "m", service, received, continues=continues, **said)


def text(*pieces: str, seconds: float = 0.0) -> list[Step]:
    """An answer whose text comes in pieces, each after so many seconds; it has no end."""
    batches: list[list[StreamEvent]] = [[PartDelta(piece)] for piece in pieces or ("",)]
    batches[0] = [ResponseStart(), PartStart(Text(text="")), *batches[0]]
    return [(seconds, batch) for batch in batches]


END: Step = (0.0, [PartEnd(), ResponseEnd("stop")])
"""The end of an answer of text."""
