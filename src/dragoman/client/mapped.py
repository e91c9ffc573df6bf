"""One question for each of many prompts, so many at a time. Knows not how a question is answered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
from typing import Generic, Self, TypeVar

from msgspec import Struct

from dragoman.client.progress import Bar
from dragoman.engine.stream import check_loop
from dragoman.errors import DragomanError, TruncatedStreamError
from dragoman.loop.from_outside import call_in
from dragoman.loop.running import running_loop
from dragoman.loop.uncopied import Uncopied
from dragoman.providers.request import Conversation
from dragoman.types import ChatResponse

R = TypeVar("R", bound=ChatResponse)


class Mapped(Struct, Generic[R], frozen=True, repr_omit_defaults=True):
    """What became of one prompt."""

    index: int
    """Its place among the prompts, from 0."""
    prompt: Conversation
    reply: R | None = None
    """The answer; None if there is none."""
    error: DragomanError | None = None
    """Why there is no answer."""

    @property
    def text(self) -> str:
        """The answer's text. Raises the error."""
        return self.response().text

    def response(self) -> R:
        """The answer. Raises the error."""
        if self.reply is not None:
            return self.reply
        raise self.error or AssertionError("there is either a reply or an error")


Ask = Callable[[Conversation], Awaitable[R]]
"""Answers one prompt."""


class _Work(Generic[R]):
    """What the tasks share. It does not know who reads the results, so that they end if nobody does any more."""

    def __init__(self, ask: Ask[R], prompts: Iterable[Conversation], bar: Bar) -> None:
        self.done: asyncio.Queue[Mapped[R] | BaseException | None] = asyncio.Queue()
        """Results; an exception if one task failed; None for each task that is at its end."""
        self._ask = ask
        self._prompts = enumerate(prompts)
        self._bar = bar

    async def run(self) -> None:
        try:
            for index, prompt in self._prompts:
                try:
                    result: Mapped[R] = Mapped(index, prompt, await self._ask(prompt))
                except DragomanError as exc:
                    result = Mapped(index, prompt, error=exc)
                self._bar.advance()
                self.done.put_nowait(result)
            self.done.put_nowait(None)
        except (Exception, SystemExit) as exc:  # noqa: BLE001  # the prompts' iterator raised it: the reader gets it
            self.done.put_nowait(exc)


class MapStream(Uncopied, AsyncIterator[Mapped[R]], Generic[R]):
    """The results, in the order of the prompts or as they come.

    Nothing is asked before it is iterated or awaited; `await` gives a list of all. A prompt that fails costs no other.
    It ends at once if it is closed, or nobody has it any more; if its loop is only left, it goes on. Prompts are taken
    from their iterable when there is a place for them; results that nobody has taken yet are kept.
    """

    def __init__(
        self, ask: Ask[R], prompts: Iterable[Conversation], concurrency: int, bar: Bar, *, ordered: bool
    ) -> None:
        self._work = _Work(ask, prompts, bar)
        self._bar = bar
        self._concurrency = concurrency
        self._ordered = ordered
        self._tasks: list[asyncio.Task[None]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running = concurrency
        self._cut = False
        """Whether it was ended before its end."""
        self._next = 0
        # One task at a time takes from the queue: another could wait there for what this one has taken.
        self._turn = asyncio.Lock()
        self._early: dict[int, Mapped[R]] = {}

    def __aiter__(self) -> Self:
        return self

    def __repr__(self) -> str:
        state = "at its end" if not self._running else "not begun" if self._tasks is None else "under way"
        return f"<{type(self).__name__}, {state}>"

    def __await__(self) -> Generator[None, None, list[Mapped[R]]]:
        return self._all().__await__()

    async def __anext__(self) -> Mapped[R]:
        was_cut = self._cut
        try:
            self._start()
            async with self._turn:
                while True:
                    if self._next in self._early:
                        self._next += 1
                        return self._early.pop(self._next - 1)
                    if not self._running:
                        break
                    await self._take()
        except BaseException:
            self.close()
            raise
        self.close()
        if self._cut and not was_cut:
            raise TruncatedStreamError("the results were closed, or a task that read them was cancelled")
        raise StopAsyncIteration

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()

    async def aclose(self) -> None:
        """Ends what is under way."""
        self.close()

    def close(self) -> None:
        """The same, in the thread of its loop. May be called twice. Whoever waits gets TruncatedStreamError."""
        self._cut = self._cut or self._running > 0
        self._running = 0
        self._early.clear()
        for task in self._tasks or ():
            task.cancel()
        self._work.done.put_nowait(None)  # a task may be waiting
        self._bar.close()

    def __del__(self) -> None:
        # A caller who leaves its loop early drops it; this may run in any thread.
        if self._running and self._loop is not None:
            for task in self._tasks or ():
                call_in(self._loop, task.cancel)
        self._bar.close()

    def _start(self) -> None:
        if self._running:
            check_loop(self._loop)
        if self._tasks is None and self._running:
            self._loop = running_loop()
            self._bar.open()
            self._tasks = [self._loop.create_task(self._work.run()) for _ in range(self._concurrency)]

    async def _take(self) -> None:
        """Waits for what a task has to say."""
        match await self._work.done.get():
            case None:
                self._running = max(self._running - 1, 0)
            case Mapped() as result:
                # As they come, each stands at the next place.
                self._early[result.index if self._ordered else self._next + len(self._early)] = result
            case failure:
                raise failure

    async def _all(self) -> list[Mapped[R]]:
        return [result async for result in self]
