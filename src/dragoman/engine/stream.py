"""An answer for a caller's `async for`, one item at a time."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

from dragoman.engine.answer import Answer
from dragoman.engine.opening import Opening
from dragoman.types import PartDelta, PartStart, Refusal, StreamEvent, Text

T = TypeVar("T")


class Stream(AsyncGenerator[T, None], Generic[T]):
    """What `project` makes of an answer's batches.

    Nothing is opened before it is awaited or iterated. `await stream` opens it, so that a refused connection raises
    there, and returns it. It ends at once if it is closed, dropped, cancelled or has failed, also while it is being
    opened: then a task that waits for it gets a TruncatedStreamError. `async with` closes it too.
    """

    def __init__(
        self, opening: Callable[[], Awaitable[Answer]], project: Callable[[list[StreamEvent]], Iterable[T]]
    ) -> None:
        self._opening: Opening | None = Opening(opening)
        self._project = project
        self._answer: Answer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._items: Iterator[T] = iter(())

    def __await__(self) -> Generator[None, None, Self]:
        return self._open().__await__()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        for item in self._items:
            return item
        return await self._refill()

    async def asend(self, value: None) -> T:
        return await self.__anext__()

    async def athrow(
        self,
        typ: type[BaseException] | BaseException,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> T:
        self._finish()
        if isinstance(typ, BaseException):
            raise typ
        raise val if isinstance(val, BaseException) else typ()

    async def aclose(self) -> None:
        self._finish()

    async def __aenter__(self) -> Self:
        return await self._open()

    async def __aexit__(self, *exc_info: object) -> None:
        self._finish()

    def __del__(self) -> None:
        # A caller who leaves its loop early drops the stream; this may run in any thread.
        held = self._answer or self._opening
        if held is not None and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(held.close)

    async def _open(self) -> Self:
        opening = self._opening
        if opening is not None:
            self._loop = asyncio.get_running_loop()
            try:
                self._answer = await opening.answer()
            finally:
                self._opening = None
        return self

    async def _refill(self) -> T:
        if self._opening is not None:
            await self._open()
        try:
            while self._answer is not None:
                events = await self._answer.read()
                if not events:
                    break
                self._items = iter(self._project(events))
                for item in self._items:
                    return item
        except BaseException:
            self._finish()
            raise
        self._finish()
        raise StopAsyncIteration

    def _finish(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.close()
        self._items = iter(())
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.close()


class Texts:
    """The text for the reader in each batch: text and refusals, not reasoning."""

    def __init__(self) -> None:
        self._shown = False

    def __call__(self, events: list[StreamEvent]) -> list[str]:
        texts: list[str] = []
        for event in events:
            if isinstance(event, PartDelta):
                if self._shown:
                    texts.append(event.text)
            elif isinstance(event, PartStart):
                self._shown = isinstance(event.part, (Text, Refusal))
        return texts
