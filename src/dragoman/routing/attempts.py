"""Translation and operations, which make one attempt after another."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from dragoman.engine.answer import Answer, Handler
from dragoman.engine.commit import held
from dragoman.errors import Attempt, DragomanError, NoOperationError
from dragoman.routing.caller import LIBRARY, Caller
from dragoman.routing.continued import Continued
from dragoman.routing.conversation import conversation_of
from dragoman.routing.deadline import in_time
from dragoman.routing.hedge import Hedged
from dragoman.routing.plan import Course, Operations, Plan, RequestInfo, Single, Target
from dragoman.routing.settled import Settled
from dragoman.routing.tried import Attempts
from dragoman.routing.unfinished import may_go_on
from dragoman.types import ChatRequest

T = TypeVar("T")


async def _in_turn(course: Course, call: Callable[[Target], Awaitable[T]], attempts: Attempts, caller: Caller) -> T:
    """What `call` gives at the first target that can answer. Raises the last error; `attempts` get those before it."""
    clock = asyncio.get_running_loop().time
    while True:
        asked_at = monotonic()
        try:
            return await in_time(course, call)
        except DragomanError as exc:
            wait = None
            if caller.waits():
                wait = course.after(exc, clock())
            else:
                course.settle("broken", clock(), exc)
            if wait is None:
                raise attempts.last(exc) from exc.__cause__
            attempts.failed(exc)
        except BaseException:
            course.settle("gone", clock())
            caller.left(course.target.name, attempts.tried, asked_at)
            raise
        if wait:
            try:
                await asyncio.sleep(wait)
            except BaseException:
                course.settle("gone", clock())
                caller.left("", attempts.tried, None)
                raise


def translated(plan: Plan, caller: Caller = LIBRARY) -> Handler:
    """A handler that asks the targets of `plan`, one after another, until one has content. It always translates.

    One that is not to be streamed must have come to its end, unless a policy knows what to do after its first content.
    """

    async def answer(request: ChatRequest) -> Answer:
        loop = asyncio.get_running_loop()
        course = plan.begin(chat_info(plan, request, caller.conversation), loop.time())
        goes_on = plan.continues and may_go_on(request)
        entire = not (request.stream or goes_on or plan.hedge is not None)

        async def begun(target: Target) -> Answer:
            opened = caller.fitting(await target.open(request))
            if plan.final:
                return opened
            return await (held(caller.counted(opened), entire=True) if entire else held(opened))

        if isinstance(course, Single):
            return await _in_turn(course, begun, Attempts(), caller)

        attempts = Attempts()
        if plan.hedge is None:
            answer = await _in_turn(course, begun, attempts, caller)
        else:
            hedged = Hedged(course, begun, plan.hedge, attempts, caller)
            answer = await _in_turn(hedged, hedged.ask, attempts, caller)
            course = hedged.course
        answer.attempts = attempts.tried
        if goes_on:
            return Continued(answer, course, request, attempts, caller)
        return Settled(answer, course, loop.time, committed=not plan.final)

    return answer


def chat_info(plan: Plan, request: ChatRequest, conversation: bytes | None = None) -> RequestInfo:
    """What `plan` is told of a request that is translated."""
    if plan.sticky and conversation is None:
        conversation = conversation_of(request)
    return RequestInfo(request.model, stream=request.stream, conversation=conversation)


Note = Callable[[str, tuple[Attempt, ...], float | None], None]
"""Is told which target answered, or was left, which attempts failed before, and when the target was asked."""


def unheard(target: str, attempts: tuple[Attempt, ...], asked_at: float | None) -> None:
    """Nobody wants to know."""


class _Operating(Caller):
    """Who asks for something that is no chat."""

    __slots__ = ("_note",)

    def __init__(self, note: Note) -> None:
        super().__init__()
        self._note = note

    def left(self, target: str, attempts: tuple[Attempt, ...], asked_at: float | None) -> None:
        self._note(target, attempts, asked_at)


async def operate(
    plan: Plan, model: str, call: Callable[[Operations], Awaitable[T]], note: Note = unheard, *, apart: bool = False
) -> T:
    """What `call` gives at the first target that can answer; it is no chat. Raises the last error.

    `apart`: how it ends says nothing of the target's chats. Services limit counts of tokens by themselves.
    """

    asked_at: float | None = None

    async def asked(target: Target) -> T:
        nonlocal asked_at
        asked_at = monotonic()
        try:
            if target.operations is None:
                raise NoOperationError(f"{target.name} can only chat")
            return await call(target.operations)
        except DragomanError as exc:
            exc.attempts = (exc.attempt(target.name, asked_at, monotonic()),)
            raise

    clock = asyncio.get_running_loop().time
    course = (plan.preview if apart else plan.begin)(RequestInfo(model), clock())
    attempts = Attempts()
    found = await _in_turn(course, asked, attempts, _Operating(note))
    course.settle("whole", clock())
    note(course.target.name, attempts.tried, asked_at)
    return found
