"""Streams for callers without an event loop: each read waits for the client's own loop, which runs in its thread."""

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any, Generic, Protocol, Self, TypeVar

from dragoman.client.mapped import Mapped, MapStream
from dragoman.client.output import OutputRun, OutputStream
from dragoman.client.run import Run
from dragoman.client.stream import ChatStream, Recorded, View
from dragoman.loop.from_outside import call_in
from dragoman.loop.uncopied import Uncopied
from dragoman.types import ChatResponse, Delta, Message, OutputResponse, RunEvent, StreamEvent

E = TypeVar("E")
R = TypeVar("R", bound=ChatResponse)
T = TypeVar("T")


class Wait(Protocol):
    """Runs a coroutine in the client's loop, and gives its result."""

    def __call__(self, coroutine: Coroutine[Any, Any, T]) -> T: ...


class SyncRecorded(Uncopied, Iterator[E], Generic[E]):
    """A stream for callers without a loop. It ends at once if it is closed, dropped or has failed; `with` closes it."""

    def __init__(self, stream: Recorded[E], wait: Wait, loop: AbstractEventLoop) -> None:
        self._stream = stream
        self._wait = wait
        self._loop = loop
        self._place = 0
        self._events: deque[E] = deque()
        self._closed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._stream!r}>"

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> E:
        while True:
            with suppress(IndexError):  # another thread may take the last one
                return self._events.popleft()
            if self._closed:
                raise StopIteration
            events = self._wait(self._following())
            if not events:
                raise StopIteration
            self._events.extend(events)

    @property
    def text(self) -> "SyncView[str]":
        """The text for the reader, piece by piece: text and refusals, without the model's thinking."""
        return SyncView(self, self._stream.text, self._wait)

    @property
    def deltas(self) -> "SyncView[Delta]":
        """All that grows, piece by piece, each with the part that it belongs to: text, thinking, arguments of calls."""
        return SyncView(self, self._stream.deltas, self._wait)

    def open(self) -> Self:
        """Opens the call, if it is not open yet. Raises what goes wrong before the first byte."""
        if not self._closed:
            self._wait(self._opened())
        return self

    def close(self) -> None:
        """Ends the call at once. May be called twice."""
        self._closed = True
        self._events.clear()
        call_in(self._loop, self._stream.close)

    def __del__(self) -> None:
        # A caller who leaves its loop early drops the stream; this may run in any thread.
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def _opened(self) -> None:
        await self._stream

    async def _following(self) -> list[E]:
        """The next events that no other thread has taken; in the loop's thread, and so by one at a time."""
        events = await self._stream.batch(place := self._place)
        while self._place != place:
            events = await self._stream.batch(place := self._place)
        self._place += len(events)
        return events


class SyncStream(SyncRecorded[StreamEvent]):
    """The answer to one question; see ChatStream."""

    def __init__(self, stream: ChatStream, wait: Wait, loop: AbstractEventLoop) -> None:
        super().__init__(stream, wait, loop)
        self._chat = stream

    def response(self) -> ChatResponse:
        """The whole answer, once it has come. Raises what went wrong, TruncatedStreamError if it was closed before."""
        return self._wait(self._chat.response())


class SyncOutputStream(SyncStream, Generic[T]):
    """The answer to one question, which is a value of a type; see OutputStream."""

    def __init__(self, stream: OutputStream[T], wait: Wait, loop: AbstractEventLoop) -> None:
        super().__init__(stream, wait, loop)
        self._valued = stream

    @property
    def partial(self) -> "SyncView[Any]":
        """The value as it grows, in dictionaries, lists, texts and numbers, as far as it has come; not checked."""
        return SyncView(self, self._valued.partial, self._wait)

    def response(self) -> OutputResponse[T]:
        """The whole answer with its `output`. Raises what went wrong, and OutputError if it is no such value."""
        return self._wait(self._valued.response())


class SyncRun(SyncRecorded[RunEvent]):
    """A model that calls functions; see Run."""

    def __init__(self, run: Run, wait: Wait, loop: AbstractEventLoop) -> None:
        super().__init__(run, wait, loop)
        self._run = run

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation so far: what was asked, each answer that is at its end, and the results of its calls."""
        return self._run.messages

    @property
    def turns(self) -> tuple[ChatResponse, ...]:
        """The answers that are at their end."""
        return self._run.turns

    def response(self) -> ChatResponse:
        """The last answer, once it has come. Raises what went wrong, TruncatedStreamError if it was closed before."""
        return self._wait(self._run.response())


class SyncOutputRun(SyncRun, Generic[T]):
    """A model that calls functions, and whose last answer is a value of a type; see OutputRun."""

    def __init__(self, run: OutputRun[T], wait: Wait, loop: AbstractEventLoop) -> None:
        super().__init__(run, wait, loop)
        self._valued = run

    def response(self) -> OutputResponse[T]:
        """The last answer with its `output`. Raises what went wrong, and OutputError if it is no such value."""
        return self._wait(self._valued.response())


class SyncView(Iterator[T], Generic[T]):
    """A view of a stream; see View. It keeps the stream open while it is read."""

    def __init__(self, stream: SyncRecorded[Any], view: View[T], wait: Wait) -> None:
        self._stream = stream
        self._view = view
        self._wait = wait
        self._items: deque[T] = deque()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._stream!r}>"

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        while True:
            with suppress(IndexError):
                return self._items.popleft()
            batch = self._wait(self._view.batch())
            if batch is None:
                raise StopIteration
            self._items.extend(batch)


class SyncMapStream(Uncopied, Iterator[Mapped[R]], Generic[R]):
    """The answers to many prompts; see MapStream."""

    def __init__(self, stream: MapStream[R], wait: Wait, loop: AbstractEventLoop) -> None:
        self._stream = stream
        self._wait = wait
        self._loop = loop

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._stream!r}>"

    def __next__(self) -> Mapped[R]:
        found = self._wait(self._following())
        if found is None:
            raise StopIteration
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what is under way. May be called twice."""
        call_in(self._loop, self._stream.close)

    async def _following(self) -> Mapped[R] | None:
        return await anext(self._stream, None)
