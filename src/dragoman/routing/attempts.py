"""Translation and operations, which make one attempt after another."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from dragoman.engine.answer import Answer, Handler
from dragoman.engine.commit import held
from dragoman.errors import DragomanError, UnsupportedFeatureError
from dragoman.routing.continued import Continued
from dragoman.routing.hedge import Hedged
from dragoman.routing.plan import Course, Operations, Plan, RequestInfo, Single, Target
from dragoman.routing.settled import Settled
from dragoman.routing.tried import Attempts
from dragoman.routing.unfinished import may_go_on
from dragoman.types import ChatRequest

T = TypeVar("T")


async def _in_turn(course: Course, call: Callable[[Target], Awaitable[T]], attempts: Attempts) -> T:
    """What `call` gives at the first target that can answer. Raises the last error; `attempts` get those before it."""
    clock = asyncio.get_running_loop().time
    while True:
        try:
            return await call(course.target)
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


def translated(plan: Plan) -> Handler:
    """A handler that asks the targets of `plan`, one after another, until one has content. It always translates."""

    async def answer(request: ChatRequest) -> Answer:
        loop = asyncio.get_running_loop()
        course = plan.begin(RequestInfo(request.model, stream=request.stream), loop.time())
        if isinstance(course, Single):
            return await course.target.open(request)

        async def begun(target: Target) -> Answer:
            opened = await target.open(request)
            return opened if plan.final else await held(opened)

        attempts, ask = Attempts(), begun
        if plan.hedge is not None:
            course = hedged = Hedged(course, begun, plan.hedge, attempts, loop.time)
            ask = hedged.ask
        answer = await _in_turn(course, ask, attempts)
        answer.attempts = attempts.tried
        if plan.continues and may_go_on(request):
            return Continued(answer, course, request, attempts, loop.time)
        return Settled(answer, course, loop.time, committed=not plan.final)

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

    clock = asyncio.get_running_loop().time
    course = plan.begin(RequestInfo(model), clock())
    found = await _in_turn(course, asked, Attempts())
    course.settle("whole", clock())
    return found
