"""The failed attempts of one request; and the translation, which makes one attempt after another."""

import asyncio

from dragoman.engine.answer import Answer, Handler
from dragoman.engine.commit import held
from dragoman.errors import Attempt, DragomanError
from dragoman.routing.plan import Plan, RequestInfo, may_end_otherwise
from dragoman.types import ChatRequest


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


def translated(plan: Plan) -> Handler:
    """A handler that asks the targets of `plan`, one after another, until one has content. It always translates."""

    async def answer(request: ChatRequest) -> Answer:
        clock = asyncio.get_running_loop().time
        target = plan.first(RequestInfo(request.model, stream=request.stream), clock())
        if plan.final:
            return await target.open(request)
        attempts = Attempts()
        while True:
            try:
                begun = await held(await target.open(request))
            except DragomanError as exc:
                following = plan.after(target, exc, clock())
                if following is None:
                    raise attempts.last(exc) from exc.__cause__
                attempts.failed(exc)
                target = following
            else:
                begun.attempts = attempts.tried
                return begun

    return answer
