"""The failed attempts of one request; and translation and operations, which make one attempt after another."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from dragoman.engine.answer import Answer, Handler
from dragoman.engine.commit import held
from dragoman.errors import Attempt, DragomanError, UnsupportedFeatureError
from dragoman.routing.conversation import conversation_of
from dragoman.routing.deadline import in_time
from dragoman.routing.plan import Course, Operations, Plan, RequestInfo, Single, Target
from dragoman.routing.reactions import may_end_otherwise
from dragoman.routing.settled import Settled
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


async def _in_turn(course: Course, call: Callable[[Target], Awaitable[T]]) -> tuple[T, Attempts]:
    """What `call` gives at the first target that can answer, and the attempts before it. Raises the last error."""
    clock = asyncio.get_running_loop().time
    attempts = Attempts()
    while True:
        try:
            return await in_time(course, call), attempts
        except DragomanError as exc:
            wait = course.after(exc, clock())
            if wait is None:
                raise attempts.last(exc) from exc.__cause__
            attempts.failed(exc)
        except BaseException:
            course.settle("gone", clock())
            raise
        if wait:
            await _waited(wait, course)


async def _waited(seconds: float, course: Course) -> None:
    try:
        await asyncio.sleep(seconds)
    except BaseException:
        course.settle("gone", asyncio.get_running_loop().time())
        raise


def translated(plan: Plan, conversation: bytes | None = None) -> Handler:
    """A handler that asks the targets of `plan`, one after another, until one has content. It always translates.

    `conversation`: that of its requests, if it is known from their callers' own bytes.
    """

    async def answer(request: ChatRequest) -> Answer:
        loop = asyncio.get_running_loop()
        course = plan.begin(chat_info(plan, request, conversation), loop.time())
        if isinstance(course, Single):
            return await course.target.open(request)

        async def begun(target: Target) -> Answer:
            opened = await target.open(request)
            return opened if plan.final else await held(opened)

        answer, attempts = await _in_turn(course, begun)
        answer.attempts = attempts.tried
        return Settled(answer, course, loop.time, committed=not plan.final)

    return answer


def chat_info(plan: Plan, request: ChatRequest, conversation: bytes | None = None) -> RequestInfo:
    """What `plan` is told of a request that is translated."""
    if plan.sticky and conversation is None:
        conversation = conversation_of(request)
    return RequestInfo(request.model, stream=request.stream, conversation=conversation)


Note = Callable[[str, tuple[Attempt, ...]], None]
"""Is told which target answered, and which attempts failed before."""


def unheard(target: str, attempts: tuple[Attempt, ...]) -> None:
    """Nobody wants to know."""


async def operate(plan: Plan, model: str, call: Callable[[Operations], Awaitable[T]], note: Note = unheard) -> T:
    """What `call` gives at the first target that can answer; it is no chat. Raises the last error."""

    async def asked(target: Target) -> T:
        asked_at = monotonic()
        try:
            if target.operations is None:
                raise UnsupportedFeatureError(f"{target.name} can only chat")
            return await call(target.operations)
        except DragomanError as exc:
            exc.attempts = (exc.attempt(target.name, asked_at, monotonic()),)
            raise

    clock = asyncio.get_running_loop().time
    course = plan.begin(RequestInfo(model), clock())
    found, attempts = await _in_turn(course, asked)
    course.settle("whole", clock())
    note(course.target.name, attempts.tried)
    return found
