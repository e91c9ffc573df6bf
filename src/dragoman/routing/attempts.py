"""The attempts of one request, and how the translation makes them."""

import asyncio

from dragoman.engine.answer import Answer, Handler
from dragoman.engine.commit import held
from dragoman.errors import Attempt, DragomanError
from dragoman.routing.plan import Plan, RequestInfo, may_end_otherwise
from dragoman.types import ChatRequest


class Attempts:
    """Those that failed."""

    def __init__(self) -> None:
        self._failures: list[DragomanError] = []

    @property
    def tried(self) -> tuple[Attempt, ...]:
        """The targets that were asked, and how they failed."""
        return tuple(attempt for failure in self._failures for attempt in failure.attempts)

    def failed(self, error: DragomanError) -> None:
        """Another one has."""
        self._failures.append(error)

    def last(self, error: DragomanError) -> DragomanError:
        """`error`, after which nobody else is asked, with all that was tried before it.

        Where every target failed, its message says how many, and its notes have the earlier errors.
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
    """Answers requests as `plan` says, each attempt translated."""

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
