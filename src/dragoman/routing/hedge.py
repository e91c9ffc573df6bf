"""Two targets at the same time, if the first one takes long. Whoever has content first answers; the other is given up.

The time begins when a target is asked. What fails before it is over is an ordinary failure, and the next target is
asked. A request is hedged once; if both fail, it goes on along the course of the one that failed last.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from dragoman.engine.answer import Answer
from dragoman.errors import Attempt, DragomanError
from dragoman.routing.caller import Caller
from dragoman.routing.deadline import in_time
from dragoman.routing.hedge_time import HedgeTime
from dragoman.routing.plan import Course, Target
from dragoman.routing.tried import Attempts
from dragoman.types.outcome import End

GIVEN_UP = "hedged"
"""The code of an attempt that was ended because another one had content first."""
STATUS = 499
"""Its status: what nginx logs for a request whose caller has left, as we have left this one."""

SLOWER = "given up, because another target had content first"
LEFT = "given up, because the caller has left"

Begin = Callable[[Target], Awaitable[Answer]]
"""Asks a target, and gives its answer once it has content."""


class Hedged(Course):
    """A course of which `ask` may ask two targets at the same time. Each of them has its own course, with its deadline.

    `begin` is how one is asked. `attempts` are told of the other. If the `caller` has left, no other is asked.
    """

    __slots__ = ("_attempts", "_begin", "_caller", "_clock", "_time", "_used", "course")

    course: Course
    """That of the target that answers, or is asked alone."""

    def __init__(self, course: Course, begin: Begin, time: HedgeTime, attempts: Attempts, caller: Caller) -> None:
        self._follow(course)
        self._begin = begin
        self._time = time
        self._attempts = attempts
        self._caller = caller
        self._clock = asyncio.get_running_loop().time
        self._used = False

    async def ask(self, target: Target) -> Answer:
        """The answer of `target`, or of the next one, once it has content. Raises the error of the last that failed."""
        began = self._clock()
        seconds = None if self._used else self._time.seconds()
        answer = await (self._one(self.course) if seconds is None else self._hedged(target, seconds))
        self._time.measured(self._clock() - began)
        return answer

    def after(self, error: DragomanError, now: float) -> float | None:
        wait = self.course.after(error, now)
        self.target = self.course.target
        return wait

    def settle(self, end: End, now: float, error: DragomanError | None = None) -> None:
        self.course.settle(end, now, error)

    def _follow(self, course: Course) -> None:
        self.course, self.target = course, course.target

    async def _one(self, course: Course) -> Answer:
        return await in_time(course, self._begin)

    async def _hedged(self, target: Target, seconds: float) -> Answer:
        running = {asyncio.create_task(self._one(self.course)): _Asked(self.course, self._clock())}
        try:
            done, _ = await asyncio.wait(running, timeout=seconds)
            wanted = not done and self._caller.waits()
            if wanted and (rival := self.course.branch(now := self._clock())) is not None:
                self._used = True
                running[asyncio.create_task(self._one(rival))] = _Asked(rival, now)
            return await self._first_of(running)
        except asyncio.CancelledError:
            for asked in running.values():
                if asked.course is not self.course:
                    self._attempts.given_up(_given_up(asked, self._clock(), LEFT))
            raise
        finally:
            for task in running:
                _end(task)
            for asked in running.values():
                if asked.course is not self.course:  # that one is settled by its own caller
                    asked.course.settle("gone", self._clock())

    async def _first_of(self, running: "dict[asyncio.Task[Answer], _Asked]") -> Answer:
        """The first answer; its task and those that failed are taken out of `running`. Raises the last error."""
        while True:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task in done]:
                error = task.exception()
                course = running.pop(task).course
                if error is None:
                    self._follow(course)
                    for other in running.values():
                        self._attempts.given_up(_given_up(other, self._clock(), SLOWER))
                    return task.result()
                if not running or not isinstance(error, DragomanError):
                    self._follow(course)
                    raise error
                course.settle("broken", self._clock(), error)
                self._attempts.failed(error)
                self._follow(next(iter(running.values())).course)


class _Asked(NamedTuple):
    """The course along which a target was asked, and when."""

    course: Course
    at: float


def _given_up(asked: _Asked, now: float, words: str) -> Attempt:
    return Attempt(asked.course.target.name, GIVEN_UP, STATUS, words, asked_at=asked.at, failed_at=now)


def _end(task: "asyncio.Task[Answer]") -> None:
    """Ends an attempt. If it has an answer already, that is closed."""
    task.cancel()
    task.add_done_callback(_close)


def _close(task: "asyncio.Task[Answer]") -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
