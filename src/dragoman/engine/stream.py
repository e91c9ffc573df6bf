"""An answer for a caller's `async for`, one item at a time."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from dragoman.engine.opening import Closable, Opening
from dragoman.errors import TruncatedStreamError
from dragoman.loop.from_outside import call_in
from dragoman.loop.running import running_loop
from dragoman.loop.uncopied import Uncopied
from dragoman.types import PartDelta, PartStart, Refusal, StreamEvent, Text

T = TypeVar("T")
E = TypeVar("E")


class Source(Closable, Protocol[E]):
    """What a stream is made of: an Answer, or something else that is read in batches."""

    async def read(self) -> list[E]:
        """The next batch; [] only at the end. Raises what went wrong."""


class Stream(Uncopied, AsyncGenerator[T, None], Generic[T]):
    """What `project` makes of an answer's batches.

    Nothing is opened before it is awaited or iterated. `await stream` opens it, so that a refused connection raises
    there, and returns it. It ends at once if it is closed, dropped, cancelled or has failed, also while it is being
    opened: then a task that waits for it gets a TruncatedStreamError. `async with` closes it too.

    Several tasks may read it: each waits for its turn. If one of them is cancelled meanwhile, it ends for all.
    """

    def __init__(self, opening: Callable[[], Awaitable[Source[E]]], project: Callable[[list[E]], Iterable[T]]) -> None:
        self._opening: Opening[Source[Any]] | None = Opening(opening)
        self._project: Callable[[list[Any]], Iterable[T]] = project
        self._answer: Source[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._items: Iterator[T] = iter(())
        # An answer has one reader at a time: two would take each other's events.
        self._reading = False
        self._error: Exception | None = None
        """Why it ended before its end."""
        self._free: asyncio.Event | None = None  # made if a task waits: a stream has one reader, as a rule

    def __repr__(self) -> str:
        is_over = self._opening is None and self._answer is None
        state = "at its end" if is_over else "not begun" if self._loop is None else "under way"
        return f"<{type(self).__name__}, {state}>"

    def __await__(self) -> Generator[None, None, Self]:
        return self._opened().__await__()

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
        self.close()
        if isinstance(typ, BaseException):
            raise typ
        raise val if isinstance(val, BaseException) else typ()

    async def aclose(self) -> None:
        self.close()

    def close(self) -> None:
        """Ends it at once, in the thread of its loop. May be called twice."""
        self._items = iter(())
        self._finish()

    async def __aenter__(self) -> Self:
        return await self._opened()

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self) -> None:
        # A caller who leaves its loop early drops the stream; this may run in any thread.
        held = self._answer or self._opening
        if held is not None and self._loop is not None:
            call_in(self._loop, held.close)

    async def _opened(self) -> Self:
        if self._reading:
            await self._turn()
            if self._error is not None:
                raise self._error
        self._reading = True
        try:
            return await self._open()
        finally:
            self._end_turn()

    async def _turn(self) -> None:
        """Waits until no other task reads it."""
        check_loop(self._loop)
        try:
            while self._reading:
                self._free = self._free or asyncio.Event()
                await self._free.wait()
        except BaseException as exc:
            # The stream ends with this task; the task that is reading gets an error.
            if self._opening is not None or self._answer is not None:
                self._error = error_for_others(exc)
            self._finish()
            raise

    def _end_turn(self) -> None:
        self._reading = False
        if self._free is not None:
            self._free.set()
            self._free = None

    async def _open(self) -> Self:
        opening = self._opening
        if opening is not None:
            self._loop = running_loop()
            try:
                self._answer = await opening.answer()
            except BaseException as exc:
                self._error = error_for_others(exc)
                raise
            finally:
                self._opening = None
        return self

    async def _refill(self) -> T:
        if waited := self._reading:
            await self._turn()
        self._reading = True
        try:
            for item in self._items:  # which another task has left
                return item
            if waited and self._error is not None:
                raise self._error
            while events := await self._read():
                self._items = iter(self._project(events))
                for item in self._items:
                    return item
        finally:
            self._end_turn()
        raise StopAsyncIteration

    async def _read(self) -> list[Any]:
        """The next batch, for the task whose turn it is; [] if there are no more. What ends the stream closes it."""
        if self._opening is not None:
            await self._open()
        answer = self._answer
        if answer is None:
            return []
        try:
            events = await answer.read()
        except BaseException as exc:
            self._error = error_for_others(exc)
            self._finish()
            raise
        if not events:
            self._finish()
            if self._error is not None:
                raise self._error
        return events

    def _finish(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.close()
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.close()


def check_loop(opened: asyncio.AbstractEventLoop | None) -> None:
    """Raises RuntimeError if `opened` is another loop than the running one, which would wait for what never comes."""
    if opened is not None and opened is not asyncio.get_running_loop():
        raise RuntimeError("it was begun in another event loop, and cannot go on in this one")


def error_for_others(error: BaseException) -> Exception:
    """The error for other tasks of a stream that ended with `error` in one: what was cut may not look whole."""
    return error if isinstance(error, Exception) else TruncatedStreamError("a task that read the stream was cancelled")


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
