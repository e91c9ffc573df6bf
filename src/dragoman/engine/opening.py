"""An answer that is being opened, and may be given up by another task than the one that waits for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from dragoman.errors import TruncatedStreamError


class Closable(Protocol):
    """What is opened."""

    def close(self) -> None:
        """Ends it at once, and releases what it holds. May be called twice."""


C = TypeVar("C", bound=Closable)


class Opening(Generic[C]):
    """Opens one answer, once, in a task of its own."""

    def __init__(self, opening: Callable[[], Awaitable[C]]) -> None:
        self._opening = opening
        self._task: asyncio.Task[C] | None = None
        self._closed = False

    async def answer(self) -> C:
        """The answer, which the caller owns from now on. Raises TruncatedStreamError if it was given up."""
        if self._task is not None:
            raise RuntimeError("the answer is being opened already")
        self._task = task = asyncio.get_running_loop().create_task(self._open())
        try:
            answer = await task
        except BaseException as exc:
            given_up = self._closed
            self.close()
            if given_up and isinstance(exc, asyncio.CancelledError) and not _cancelled():
                raise _given_up() from None
            raise
        if self._closed:
            raise _given_up()
        return answer

    def close(self) -> None:
        """Gives it up, and closes its socket, unless its owner has got it. May be called twice."""
        task = self._task
        if self._closed or task is None:
            return
        self._closed = True
        if not task.done():
            task.cancel()
        elif not task.cancelled() and task.exception() is None:
            task.result().close()

    async def _open(self) -> C:
        return await self._opening()


def _cancelled() -> bool:
    """Whether the waiting task itself was cancelled."""
    waiting = asyncio.current_task()
    return waiting is not None and waiting.cancelling() > 0


def _given_up() -> TruncatedStreamError:
    return TruncatedStreamError("the stream was closed before its answer began")
