"""The failed attempts of one request; and translation and operations, which make one attempt after another."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from dragoman.engine.answer import Answer, Handler
from dragoman.engine.commit import held
from dragoman.errors import Attempt, DragomanError, UnsupportedFeatureError
from dragoman.routing.plan import Operations, Plan, RequestInfo, Target, may_end_otherwise
from dragoman.types import ChatRequest

T = TypeVar("T")


class Attempts:
    """The attempts of one request that failed."""

    def __init__(self) -> None:
        self._failures: list[DragomanError] = []

    @property
    def tried(self) -> tuple[Attempt, ...]:
        """The targets that were asked, and how they failed."""
        return tuple(attempt for failure in self._failures for attempt in failure.attempts)

    def failed(self, error: DragomanError) -> None:
        """Adds an attempt, which failed with `error`."""
        self._failures.append(error)

    def last(self, error: DragomanError) -> DragomanError:
        """`error`, the last one, because no other target is asked; its `attempts` are now all that failed.

        If other targets failed before it, its message says how many were tried, and its notes have the earlier errors.
        If the error would be the same at every target, its message and notes stay as they are.
        """
        earlier = tuple(self._failures)
        self.failed(error)
        error.attempts = self.tried
        if earlier and may_end_otherwise(error):
            error.message += f" (the last of {len(self._failures)} targets that were tried)"
            error.args = (error.message,)
            for failure in earlier:
                error.add_note(f"before it: {failure}")
        return error


async def _in_turn(plan: Plan, info: RequestInfo, call: Callable[[Target], Awaitable[T]]) -> tuple[T, Attempts]:
    """What `call` gives at the first target that can answer, and the attempts before it. Raises the last error."""
    clock = asyncio.get_running_loop().time
    target = plan.first(info, clock())
    attempts = Attempts()
    while True:
        try:
            return await call(target), attempts
        except DragomanError as exc:
            following = plan.after(target, exc, clock())
            if following is None:
                raise attempts.last(exc) from exc.__cause__
            attempts.failed(exc)
            target = following


def translated(plan: Plan) -> Handler:
    """A handler that asks the targets of `plan`, one after another, until one has content. It always translates."""

    async def answer(request: ChatRequest) -> Answer:
        info = RequestInfo(request.model, stream=request.stream)
        if plan.final:
            return await plan.first(info, asyncio.get_running_loop().time()).open(request)

        async def begun(target: Target) -> Answer:
            return await held(await target.open(request))

        answer, attempts = await _in_turn(plan, info, begun)
        answer.attempts = attempts.tried
        return answer

    return answer


async def operate(plan: Plan, model: str, call: Callable[[Operations], Awaitable[T]]) -> T:
    """What `call` gives at the first target that can answer; it is no chat. Raises the last error."""

    async def asked(target: Target) -> T:
        try:
            if target.operations is None:
                raise UnsupportedFeatureError(f"{target.name} can only chat")
            return await call(target.operations)
        except DragomanError as exc:
            exc.attempts = (exc.attempt(target.name),)
            raise

    found, _ = await _in_turn(plan, RequestInfo(model), asked)
    return found
