"""A stream as a caller holds it: opened late, closed at once."""

import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest

from dragoman.engine.answer import Answer, Owning
from dragoman.engine.stream import Stream, Texts
from dragoman.errors import ConnectError, TruncatedStreamError, UpstreamError
from dragoman.types import PartDelta, PartEnd, PartStart, Reasoning, Refusal, StreamEvent, Text


class Batches(Answer):
    """Gives out batches, or raises; tells when it was closed."""

    def __init__(self, *batches: list[StreamEvent] | Exception) -> None:
        self._batches = list(batches)
        self.closed = asyncio.Event()

    async def read(self) -> list[StreamEvent]:
        following = self._batches.pop(0) if self._batches else []
        if isinstance(following, Exception):
            raise following
        return following

    def close(self) -> None:
        self.closed.set()


def deltas(text: str) -> list[StreamEvent]:
    return [PartDelta(letter) for letter in text]


def opening(answer: Answer | Exception) -> Callable[[], Awaitable[Answer]]:
    async def open_it() -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return open_it


def letters(events: list[StreamEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, PartDelta)]


async def test_the_events_of_a_batch_come_one_by_one() -> None:
    answer = Batches(deltas("ab"), [PartEnd()], deltas("c"))
    assert [text async for text in Stream(opening(answer), letters)] == ["a", "b", "c"]
    assert answer.closed.is_set()


async def test_awaiting_opens_and_returns_the_stream_itself() -> None:
    stream = Stream(opening(Batches(deltas("a"))), letters)
    assert await stream is stream
    assert await stream is stream
    assert [text async for text in stream] == ["a"]


async def test_a_refused_connection_raises_where_the_stream_is_awaited() -> None:
    with pytest.raises(ConnectError):
        await Stream(opening(ConnectError("refused")), letters)


async def test_an_error_comes_after_the_text_and_ends_the_stream() -> None:
    answer = Batches(deltas("ab"), UpstreamError("gave up"))
    stream = Stream(opening(answer), letters)
    assert [await anext(stream), await anext(stream)] == ["a", "b"]
    with pytest.raises(UpstreamError):
        await anext(stream)
    assert answer.closed.is_set()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_leaving_the_loop_early_closes_the_answer() -> None:
    answer = Batches(deltas("ab"), deltas("c"))
    async for _ in Stream(opening(answer), letters):
        break
    gc.collect()
    await asyncio.wait_for(answer.closed.wait(), 5)


async def test_closing_ends_it_and_drops_the_rest_of_the_batch() -> None:
    answer = Batches(deltas("ab"))
    stream = Stream(opening(answer), letters)
    assert await anext(stream) == "a"
    await stream.aclose()
    assert answer.closed.is_set()
    assert [text async for text in stream] == []


async def test_async_with_opens_and_closes() -> None:
    answer = Batches(deltas("ab"))
    async with Stream(opening(answer), letters) as stream:
        assert await anext(stream) == "a"
    assert answer.closed.is_set()


async def test_a_stream_that_was_never_started_opens_nothing() -> None:
    stream = Stream(opening(AssertionError("opened")), letters)
    await stream.aclose()
    assert [text async for text in stream] == []


class Silent(Batches):
    """Says nothing until it is closed; `waiting` is set once somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = asyncio.Event()

    async def read(self) -> list[StreamEvent]:
        self.waiting.set()
        await self.closed.wait()
        return []


async def test_a_cancelled_reader_closes_the_answer() -> None:
    answer = Silent()
    task = asyncio.ensure_future(anext(Stream(opening(answer), letters)))
    await answer.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert answer.closed.is_set()


@pytest.mark.parametrize("gone", [0, 1])
async def test_what_a_cancelled_task_ends_does_not_look_whole_to_another(gone: int) -> None:
    answer = Silent()
    stream = Stream(opening(answer), letters)
    tasks = [asyncio.ensure_future(anext(stream)) for _ in range(3)]
    await answer.waiting.wait()
    tasks.pop(gone).cancel()
    found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert [type(each) for each in found] == [TruncatedStreamError] * 2


class Slow:
    """Opens only when it is let; knows whether it was ended before that."""

    def __init__(self, answer: Answer) -> None:
        self.begun = asyncio.Event()
        self.let = asyncio.Event()
        self.ended = asyncio.Event()
        self._answer = answer

    async def __call__(self) -> Answer:
        self.begun.set()
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.ended.set()
            raise
        return self._answer


Enter = Callable[[Stream[str]], Awaitable[object]]


async def _await(stream: Stream[str]) -> object:
    return await stream


ENTRIES: dict[str, Enter] = {
    "iterated": anext,
    "awaited": _await,
    "entered": Stream.__aenter__,
}

entered = pytest.mark.parametrize("enter", ENTRIES.values(), ids=ENTRIES)


@entered
async def test_a_stream_closed_while_it_opens_ends_for_whoever_waits(enter: Enter) -> None:
    slow = Slow(Batches())
    stream = Stream(slow, letters)
    waiting = asyncio.ensure_future(enter(stream))
    await slow.begun.wait()
    await stream.aclose()
    with pytest.raises(TruncatedStreamError, match="closed before"):
        await waiting
    assert slow.ended.is_set()
    assert [text async for text in stream] == []


@entered
async def test_a_reader_cancelled_while_it_opens_ends_it(enter: Enter) -> None:
    slow = Slow(Batches())
    stream = Stream(slow, letters)
    waiting = asyncio.ensure_future(enter(stream))
    await slow.begun.wait()
    waiting.cancel()
    await stream.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert slow.ended.is_set()


async def test_an_answer_that_came_as_the_stream_was_closed_is_closed() -> None:
    answer = Batches(deltas("a"))
    closing: list[asyncio.Task[None]] = []

    async def open_it() -> Answer:
        # Runs before whoever waits for the answer knows that it is here.
        closing.append(asyncio.create_task(stream.aclose()))
        return answer

    stream = Stream(open_it, letters)
    with pytest.raises(TruncatedStreamError):
        await anext(stream)
    assert answer.closed.is_set()
    await closing[0]


async def test_a_stream_dropped_while_it_opens_is_ended() -> None:
    slow = Slow(Batches())
    stream = Stream(slow, letters)
    reader = stream.__anext__()
    reader.send(None)
    await slow.begun.wait()
    reader.close()
    del reader, stream
    gc.collect()
    await asyncio.wait_for(slow.ended.wait(), 5)


async def test_a_stream_is_opened_once_and_read_in_turns() -> None:
    slow = Slow(Batches(deltas("ab")))
    stream = Stream(slow, letters)
    waiting = asyncio.ensure_future(anext(stream))
    await slow.begun.wait()
    second = asyncio.ensure_future(anext(stream))
    opened = asyncio.ensure_future(stream.__aenter__())
    slow.let.set()
    assert await waiting == "a"
    assert await second == "b"
    assert await opened is stream


async def test_an_exception_thrown_in_closes_and_comes_back() -> None:
    answer = Batches(deltas("ab"))
    stream = Stream(opening(answer), letters)
    assert await stream.asend(None) == "a"
    with pytest.raises(KeyError):
        await stream.athrow(KeyError("k"))
    assert answer.closed.is_set()
    with pytest.raises(LookupError):
        await stream.athrow(LookupError)


async def test_what_an_answer_owns_is_released_with_it() -> None:
    released: list[str] = []
    answer = Batches(deltas("a"))
    stream = Stream(opening(Owning(answer, lambda: released.append("transport"))), letters)
    assert [text async for text in stream] == ["a"]
    assert answer.closed.is_set()
    assert released == ["transport"]


def test_texts_are_words_for_the_reader_and_not_reasoning() -> None:
    texts = Texts()
    first: list[StreamEvent] = [PartStart(Reasoning(text="")), PartDelta("hm"), PartEnd(), PartStart(Text(text=""))]
    second: list[StreamEvent] = [PartDelta("a"), PartEnd(), PartStart(Refusal(text="")), PartDelta("no"), PartEnd()]
    assert [texts(first), texts(second)] == [[], ["a", "no"]]
