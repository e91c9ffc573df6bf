"""An answer whose course is told how it ended."""

from collections.abc import Callable

from dragoman.engine.answer import Answer, Around
from dragoman.engine.commit import begins_content
from dragoman.errors import DragomanError
from dragoman.routing.deadline import timed
from dragoman.routing.plan import Course
from dragoman.types import ResponseEnd, StreamEvent


class Settled(Around):
    """`answer`, to a request on its `course`. `committed`: its first content has come already."""

    def __init__(self, answer: Answer, course: Course, clock: Callable[[], float], *, committed: bool) -> None:
        super().__init__(timed(answer, course))
        self._course: Course | None = course
        self._clock = clock
        self._committed = committed
        if committed:
            course.committed(clock())

    async def read(self) -> list[StreamEvent]:
        try:
            events = await self._answer.read()
        except DragomanError as exc:
            if (course := self._taken()) is not None:
                course.settle("broken", self._clock(), exc)
            raise
        return self._seen(events)

    def _seen(self, events: list[StreamEvent]) -> list[StreamEvent]:
        if self._course is not None and events:
            if not self._committed and begins_content(events):
                self._committed = True
                self._course.committed(self._clock())
            if isinstance(events[-1], ResponseEnd):
                self._course.settle("whole", self._clock())
                self._course = None
        return events

    def close(self) -> None:
        if (course := self._taken()) is not None:
            course.settle("gone", self._clock())
        super().close()

    def _taken(self) -> Course | None:
        course, self._course = self._course, None
        return course
