"""The deadline of a course, for what is awaited: opening an answer, and each read of it. Knows no plan."""

from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

from dragoman.engine.answer import Answer, Around
from dragoman.errors import TimeoutError
from dragoman.routing.plan import Course, Target
from dragoman.transport.deadlines import late
from dragoman.transport.timeout import timeout
from dragoman.types import StreamEvent

T = TypeVar("T")


async def in_time(course: Course, call: Callable[[Target], Awaitable[T]]) -> T:
    """What `call` gives at the course's target. Raises TimeoutError (`total`) at the course's `ends`."""
    target = course.target
    if course.ends == inf:
        return await call(target)
    try:
        async with timeout(inf, course.ends, "total", service_of(target.name)):
            return await call(target)
    except TimeoutError as exc:
        if exc.provider is None:
            exc.provider = service_of(target.name)
            exc.attempts = (exc.attempt(target.name),)
        raise


def too_late(target: str) -> TimeoutError:
    """The error for an answer of `target` (`provider/model`) that has no end when the course must be over."""
    error = late("total", service_of(target), None)
    error.provider = service_of(target)
    return error


def service_of(target: str) -> str:
    """The service of a target, `provider/model`."""
    return target.partition("/")[0]


def timed(answer: Answer, course: Course) -> Answer:
    """`answer`, which must be over when its course must be."""
    return answer if course.ends == inf else Timed(answer, course.ends)


class Timed(Around):
    """`answer`, which must be over at the loop's time `ends`."""

    def __init__(self, answer: Answer, ends: float) -> None:
        super().__init__(answer)
        self._ends = ends
        self._service = service_of(answer.target)

    async def read(self) -> list[StreamEvent]:
        try:
            async with timeout(inf, self._ends, "total", self._service):
                return await self._answer.read()
        except TimeoutError as exc:
            self._answer.close()
            if exc.provider is None:
                exc.provider = self._service
            raise
