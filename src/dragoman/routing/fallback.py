"""The first of several services that is able to answer."""

from collections import deque
from collections.abc import Iterable, Sequence

from dragoman.engine.answer import Answer, Handler
from dragoman.errors import (
    Attempt,
    AuthenticationError,
    ConfigurationError,
    DragomanError,
    EndpointNotFoundError,
    ModelNotFoundError,
    PermissionDeniedError,
    QuotaExhaustedError,
)
from dragoman.types import ChatRequest, ResponseStart, StreamEvent

ELSEWHERE = (
    AuthenticationError,
    ConfigurationError,
    EndpointNotFoundError,
    ModelNotFoundError,
    PermissionDeniedError,
    QuotaExhaustedError,
)
"""Failures of a target rather than of the request: hopeless there, however often one asks, and yet not with another."""


def fallback(handlers: Sequence[Handler]) -> Handler:
    """The first of `handlers` able to answer. Once content has gone out, the choice is made.

    A failure before that which may not happen elsewhere is passed over, and its answer closed; when every handler
    failed so, the last error is raised, with the number of targets in its message and the earlier errors in its notes.
    """
    if not handlers:
        raise ConfigurationError("expected at least one target, got none")

    async def answer(request: ChatRequest) -> Answer:
        failures: list[DragomanError] = []
        for handler in handlers:
            try:
                begun = await _begun(await handler(request))
            except DragomanError as exc:
                failures.append(exc)
                if not (exc.retryable or isinstance(exc, ELSEWHERE)):
                    exc.attempts = _attempts(failures)
                    raise
            else:
                begun.attempts = _attempts(failures)
                return begun
        raise _last(failures)

    return answer


async def _begun(answer: Answer) -> Answer:
    """`answer`, its first content being here. Raises what came instead, and closes it."""
    batches: list[list[StreamEvent]] = []
    try:
        while events := await answer.read():
            batches.append(events)
            if any(not isinstance(event, ResponseStart) for event in events):
                break
    except DragomanError as exc:
        answer.close()
        exc.attempts = (exc.attempt(answer.target),) if answer.target else ()
        exc.upstream_status = answer.status
        raise
    except BaseException:
        answer.close()
        raise
    return _Begun(batches, answer)


def _last(failures: Sequence[DragomanError]) -> DragomanError:
    *earlier, error = failures
    error.attempts = _attempts(failures)
    if earlier:
        error.message += f" (the last of {len(failures)} targets that were tried)"
        error.args = (error.message,)
    for failure in earlier:
        error.add_note(f"before it: {failure}")
    return error


def _attempts(failures: Iterable[DragomanError]) -> tuple[Attempt, ...]:
    return tuple(attempt for failure in failures for attempt in failure.attempts)


class _Begun(Answer):
    """An answer whose first batches were read already."""

    def __init__(self, batches: Iterable[list[StreamEvent]], answer: Answer) -> None:
        self.target, self.status = answer.target, answer.status
        self._batches = deque(batches)
        self._answer = answer

    async def read(self) -> list[StreamEvent]:
        return self._batches.popleft() if self._batches else await self._answer.read()

    def close(self) -> None:
        self._batches.clear()
        self._answer.close()
