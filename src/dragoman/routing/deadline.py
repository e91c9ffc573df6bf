"""The deadline of a course, for what is awaited: opening an answer, and each read of it. Knows no plan."""

from collections.abc import Awaitable, Callable
from math import inf
from time import monotonic
from typing import TypeVar

from dragoman.engine.answer import Answer, Around, Receive
from dragoman.engine.text_bypass import SendAhead
from dragoman.errors import TimeoutError
from dragoman.routing.plan import Course, Target
from dragoman.transport.timeout import late, timeout
from dragoman.types import StreamEvent

T = TypeVar("T")


async def in_time(course: Course, call: Callable[[Target], Awaitable[T]]) -> T:
    """What `call` gives at the course's target. Raises TimeoutError (`total`) at the course's `ends`."""
    target, asked_at = course.target, monotonic()
    if course.ends == inf:
        return await call(target)
    try:
        async with timeout(inf, course.ends, "total", service_of(target.name)):
            return await call(target)
    except TimeoutError as exc:
        if exc.provider is None:
            exc.provider = service_of(target.name)
            exc.attempts = (exc.attempt(target.name, asked_at, monotonic()),)
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
        self._late: TimeoutError | None = None
        """What `follow` has found; `read` raises it."""

    async def read(self) -> list[StreamEvent]:
        if self._late is not None:
            raise self._late
        try:
            async with self._in_time():
                return await self._answer.read()
        except TimeoutError as exc:
            self._close_late(exc)
            raise

    def follow(self, receive: Receive, send_ahead: SendAhead) -> Awaitable[None] | None:
        following = self._answer.follow(receive, send_ahead)
        return None if following is None else self._follow(following)

    async def _follow(self, following: Awaitable[None]) -> None:
        try:
            async with self._in_time():
                await following
        except TimeoutError as exc:
            self._close_late(exc)
            self._late = exc

    def _in_time(self) -> timeout:
        return timeout(inf, self._ends, "total", self._service)

    def _close_late(self, error: TimeoutError) -> None:
        self._answer.close()
        if error.provider is None:
            error.provider = self._service
