"""An answer's events as they come, and what else may be read of it: its text, the whole answer.

The events that have passed are kept, so that each view begins at the beginning of the answer. To keep them costs next
to nothing: they are there already, and are folded only if the whole answer is wanted.
"""

from abc import abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Generic, Self, TypeVar

from dragoman.engine.stream import Source, Stream, Texts, check_loop
from dragoman.errors import TruncatedStreamError
from dragoman.types import AnyPart, ChatResponse, Delta, Fold, PartDelta, PartStart, ResponseEnd, StreamEvent

E = TypeVar("E")
T = TypeVar("T")


class Recorded(Stream[E]):
    """A stream whose events are kept. It may be read again, by several tasks too; a failure comes again likewise.

    It goes on in the event loop in which it was opened alone: in another one there is what has come, and RuntimeError.
    """

    def __init__(self, opening: Callable[[], Awaitable[Source[E]]]) -> None:
        super().__init__(opening, iter)
        # One flat list: it holds only what the collector of garbage need not look at again and again.
        self._seen: list[E] = []
        self._place = 0

    @property
    def text(self) -> "View[str]":
        """The text for the reader, piece by piece: text and refusals, without the model's thinking."""
        return View(self, Texts())

    @property
    def deltas(self) -> "View[Delta]":
        """All that grows, piece by piece, each with the part that it belongs to: text, thinking, arguments of calls."""
        return View(self, Deltas())

    async def batch(self, place: int) -> list[E]:
        """Events from number `place` on, from 0: all that have come, or else the next; [] if there are no more.

        Raises what went wrong, TruncatedStreamError if it was closed before its end: who reads a view in another task
        is not to take what came for the whole.
        """
        if place < len(self._seen):
            return self._seen[place:]
        if self._reading:
            await self._turn()
        self._reading = True
        try:
            # Another task may have read on meanwhile.
            events = self._seen[place:] or await self._read()
        finally:
            self._end_turn()
        if not events and not self._is_whole():
            raise TruncatedStreamError("the answer was closed before its end")
        return events

    @abstractmethod
    def _is_whole(self) -> bool:
        """Whether what has come is all, and is at its end."""

    def close(self) -> None:
        super().close()
        # What has come may still be viewed; for those who iterate over the events, it is over.
        self._place = len(self._seen)

    async def _refill(self) -> E:
        if self._reading:
            await self._turn()
        self._reading = True
        try:
            for event in self._items:  # which another task has left
                return event
            # The same as `batch`, without a call between.
            events = self._seen[self._place :] or await self._read()
            self._place += len(events)
            self._items = iter(events)
            for event in self._items:
                return event
        finally:
            self._end_turn()
        raise StopAsyncIteration

    async def _read(self) -> list[E]:
        if self._error is not None:
            raise self._error
        if not self._is_whole():
            check_loop(self._loop)
        events: list[E] = await super()._read()
        self._seen += events
        return events


class ChatStream(Recorded[StreamEvent]):
    """The answer to one question.

    To iterate over it gives its events. `text`, `deltas` and `response()` give the same answer in other forms, each
    from its beginning, in any order.
    """

    def __init__(self, opening: Callable[[], Awaitable[Source[StreamEvent]]]) -> None:
        super().__init__(opening)
        self._response: ChatResponse | None = None

    def _is_whole(self) -> bool:
        return bool(self._seen) and isinstance(self._seen[-1], ResponseEnd)

    async def response(self) -> ChatResponse:
        """The whole answer, once it has come. Raises what went wrong, TruncatedStreamError if it was closed before."""
        if self._response is None:
            folding, place = Fold(), 0
            while events := await self.batch(place):
                folding.feed(events)
                place += len(events)
            self._response = folding.result()
        return self._response


class View(AsyncIterator[T], Generic[T]):
    """What `project` makes of the batches of `stream`, from the first one on."""

    def __init__(self, stream: Recorded[Any], project: Callable[[list[Any]], Iterable[T]]) -> None:
        self._stream = stream
        self._project = project
        self._place = 0
        self._items: deque[T] = deque()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._stream!r}>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        items = self._items
        while not items:
            batch = await self.batch()
            if batch is not None:
                items.extend(batch)
            elif not items:
                raise StopAsyncIteration
        return items.popleft()

    async def batch(self) -> Iterable[T] | None:
        """What it makes of the next batch; None if there are no more."""
        events = await self._stream.batch(place := self._place)
        while self._place != place:  # another task has taken them
            events = await self._stream.batch(place := self._place)
        self._place += len(events)
        return self._project(events) if events else None


class Deltas:
    """What of each batch grows a part, with that part."""

    def __init__(self) -> None:
        self._part: AnyPart | None = None

    def __call__(self, events: list[Any]) -> list[Delta]:
        deltas: list[Delta] = []
        for event in events:
            if isinstance(event, PartDelta):
                if self._part is not None:
                    deltas.append(Delta(self._part, event.text))
            elif isinstance(event, PartStart):
                self._part = event.part
        return deltas
