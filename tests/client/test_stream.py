"""An answer as it comes: its events, its text, its deltas and the whole of it, with a loop and without."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from dragoman import Client, SyncClient
from dragoman.client.stream import ChatStream
from dragoman.client.sync_stream import SyncStream
from dragoman.config import Config
from dragoman.engine.answer import Answer
from dragoman.errors import ConnectError, ModelNotFoundError, OverloadedError, TruncatedStreamError
from dragoman.types import (
    Delta,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    ToolCall,
)

T = TypeVar("T")

SCRIPT = 'reasoning: secret thoughts\ntext: so it is\ntool: f {"a": 1}'
CALL = ToolCall(id="c1", name="f")

BATCHES: list[list[StreamEvent]] = [
    [ResponseStart(), PartStart(Reasoning(text="")), PartDelta("hm"), PartEnd()],
    [PartStart(Text(text="")), PartDelta("so "), PartDelta("it is")],
    [PartEnd(), PartStart(Refusal(text="")), PartDelta("no"), PartEnd()],
    [PartStart(CALL), PartDelta("{}"), PartEnd(), ResponseEnd("tool_call")],
]


class Batches(Answer):
    """Gives out batches, or raises; counts its ends."""

    def __init__(self, *batches: list[StreamEvent] | Exception) -> None:
        self._batches = list(batches)
        self.closed = 0

    async def read(self) -> list[StreamEvent]:
        following = self._batches.pop(0) if self._batches else []
        if isinstance(following, Exception):
            raise following
        return list(following)

    def close(self) -> None:
        self.closed += 1


def stream_of(answer: Answer | Exception) -> ChatStream:
    async def opening() -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ChatStream(opening)


async def texts(stream: ChatStream) -> list[str]:
    return [text async for text in stream.text]


async def test_text_is_what_the_reader_is_to_see() -> None:
    assert await texts(stream_of(Batches(*BATCHES))) == ["so ", "it is", "no"]


async def test_deltas_say_what_they_belong_to() -> None:
    found = [delta async for delta in stream_of(Batches(*BATCHES)).deltas]
    assert found == [
        Delta(Reasoning(text=""), "hm"),
        Delta(Text(text=""), "so "),
        Delta(Text(text=""), "it is"),
        Delta(Refusal(text=""), "no"),
        Delta(CALL, "{}"),
    ]


async def test_the_whole_answer_is_there_after_the_text_and_before() -> None:
    for first in (texts, ChatStream.response):
        answer = Batches(*BATCHES)
        stream = stream_of(answer)
        await first(stream)
        reply = await stream.response()
        assert (reply.text, reply.finish_reason, reply.tool_calls[0].arguments) == ("so it is", "tool_call", "{}")
        assert await stream.response() is reply
        assert answer.closed == 1


async def test_each_form_begins_at_the_beginning_whoever_has_read_before() -> None:
    stream = stream_of(Batches(*BATCHES))
    events = [event for batch in BATCHES for event in batch]
    assert [await anext(stream) for _ in range(3)] == events[:3]
    assert await texts(stream) == ["so ", "it is", "no"]
    assert [event async for event in stream] == events[3:]
    assert await texts(stream) == ["so ", "it is", "no"]


async def test_two_forms_may_be_read_in_turns() -> None:
    stream = stream_of(Batches(*BATCHES))
    shown, deltas = stream.text, stream.deltas
    assert await anext(shown) == "so "
    assert (await anext(deltas)).text == "hm"
    assert await anext(shown) == "it is"
    assert [delta.text async for delta in deltas] == ["so ", "it is", "no", "{}"]
    assert [text async for text in shown] == ["no"]


async def test_a_failure_comes_again_and_is_never_an_end() -> None:
    answer = Batches(*BATCHES[:2], OverloadedError("busy"))
    stream = stream_of(answer)
    shown: list[str] = []
    for _ in range(2):
        with pytest.raises(OverloadedError):
            shown += [text async for text in stream.text]
        with pytest.raises(OverloadedError):
            await stream.response()
    with pytest.raises(OverloadedError):
        [event async for event in stream]
    assert answer.closed == 1


async def test_what_could_not_be_opened_has_no_answer() -> None:
    stream = stream_of(ConnectError("refused"))
    for _ in range(2):
        with pytest.raises(ConnectError):
            await stream
            await stream.response()
    with pytest.raises(ConnectError):
        await stream.response()


async def test_a_stream_that_was_closed_has_no_whole_answer() -> None:
    stream = stream_of(Batches(*BATCHES))
    assert await anext(stream.text) == "so "
    await stream.aclose()
    assert [event async for event in stream] == []
    with pytest.raises(TruncatedStreamError):
        await stream.response()


@pytest.mark.parametrize("view", ["text", "deltas"])
async def test_a_view_of_a_stream_that_was_closed_between_two_reads_does_not_look_whole(view: str) -> None:
    stream = stream_of(Batches(*BATCHES))
    found = getattr(stream, view)
    await anext(found)
    await stream.aclose()
    for each in (found, getattr(stream, view)):
        with pytest.raises(TruncatedStreamError):
            [_ async for _ in each]


async def test_a_stream_that_is_closed_at_its_end_is_whole() -> None:
    stream = stream_of(Batches(*BATCHES))
    async for event in stream:
        if isinstance(event, ResponseEnd):
            break
    await stream.aclose()
    assert await texts(stream) == ["so ", "it is", "no"]
    assert (await stream.response()).text == "so it is"


async def test_leaving_the_loop_over_the_text_ends_the_call_at_once() -> None:
    answer = Batches(*BATCHES)
    ended = asyncio.get_running_loop().create_future()
    answer.close = lambda: ended.set_result(None)  # type: ignore[method-assign]  # to be told of it
    async for _ in stream_of(answer).text:
        break
    gc.collect()
    await asyncio.wait_for(ended, 5)


async def test_a_client_s_stream_has_them_all() -> None:
    async with Client(Config()) as client:
        stream = client.stream("offline/script", SCRIPT)
        assert "".join(await texts(stream)) == "so it is"
        assert (await stream.response()).tool_calls[0].name == "f"
        with pytest.raises(ModelNotFoundError):
            await client.stream("offline/nobody", "x").response()


def test_a_stream_without_a_loop_has_them_all() -> None:
    with SyncClient(Config()) as client:
        stream = client.stream("offline/script", SCRIPT)
        assert "".join(stream.text) == "so it is"
        assert [delta.text for delta in stream.deltas if isinstance(delta.part, Reasoning)] == ["secret ", "thoughts"]
        assert stream.response().text == "so it is"
        assert isinstance(next(stream), ResponseStart)
        assert isinstance(list(stream)[-1], ResponseEnd)
        with pytest.raises(ModelNotFoundError):
            client.stream("offline/nobody", "x").response()


def test_a_stream_without_a_loop_that_was_closed_has_no_whole_answer() -> None:
    with SyncClient(Config()) as client:
        stream = client.stream("offline/script", "text: a b\nhang")
        assert next(stream.text) == "a "
        stream.close()
        assert list(stream) == []
        with pytest.raises(TruncatedStreamError):
            list(stream.text)
        with pytest.raises(TruncatedStreamError):
            stream.response()


class Slow(Batches):
    """Gives out each batch only after a turn of the loop, and lets nobody read beside another."""

    reading = False

    async def read(self) -> list[StreamEvent]:
        assert not self.reading
        self.reading = True
        try:
            await asyncio.sleep(0)
            return await super().read()
        finally:
            self.reading = False


async def test_several_tasks_may_read_one_stream_and_each_gets_all_of_it() -> None:
    stream = stream_of(Slow(*BATCHES))
    shown, again, deltas, reply = await asyncio.gather(
        texts(stream), texts(stream), _all(stream.deltas), stream.response()
    )
    assert shown == again == ["so ", "it is", "no"]
    assert [delta.text for delta in deltas] == ["hm", "so ", "it is", "no", "{}"]
    assert reply.finish_reason == "tool_call"


async def test_tasks_that_iterate_over_one_stream_share_its_events() -> None:
    stream = stream_of(Slow(*BATCHES))
    found = await asyncio.gather(_all(stream), _all(stream), _all(stream))
    events = [event for batch in BATCHES for event in batch]
    assert sorted(repr(event) for each in found for event in each) == sorted(map(repr, events))


async def test_tasks_that_iterate_over_one_view_share_what_it_gives() -> None:
    view = stream_of(Slow(*BATCHES)).deltas
    found = await asyncio.gather(_all(view), _all(view), _all(view))
    assert sorted(delta.text for each in found for delta in each) == sorted(["hm", "so ", "it is", "no", "{}"])


class Together(Batches):
    """Gives out each batch when all who want it wait for it."""

    async def read(self) -> list[StreamEvent]:
        await asyncio.sleep(0.02)
        return await super().read()


@pytest.mark.parametrize("shared", ["events", "deltas"])
def test_threads_that_iterate_over_one_stream_or_view_share_what_it_gives(shared: str) -> None:
    events = [event for batch in BATCHES for event in batch]
    grown = [event.text for event in events if isinstance(event, PartDelta)]
    with SyncClient(Config()) as client, ThreadPoolExecutor(3) as threads:
        stream = SyncStream(stream_of(Together(*BATCHES)), client._wait, client._loop)
        view: Iterator[Any] = stream if shared == "events" else stream.deltas
        parts: list[list[Any]] = list(threads.map(list, [view] * 3))
    found = [each for part in parts for each in part]
    if shared == "events":
        assert sorted(map(repr, found)) == sorted(map(repr, events))
    else:
        assert sorted(each.text for each in found) == sorted(grown)


async def test_a_fault_of_the_caller_s_is_told_as_it_is_each_time() -> None:
    stream = stream_of(RuntimeError("the client is closed"))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="is closed"):
            await texts(stream)


@pytest.mark.parametrize("gone", [0, 1])
async def test_a_task_that_is_cancelled_ends_the_stream_for_all_whoever_had_its_turn(gone: int) -> None:
    answer = Forever([ResponseStart(), *BATCHES[1]])
    stream = stream_of(answer)
    tasks = [asyncio.create_task(texts(stream)) for _ in range(2)]
    await answer.silent.wait()
    tasks[gone].cancel()
    with pytest.raises(TruncatedStreamError):
        await asyncio.wait_for(tasks[1 - gone], 5)
    assert answer.ended.is_set()
    with pytest.raises(TruncatedStreamError):
        await texts(stream)
    with pytest.raises(TruncatedStreamError):
        await stream.response()


@pytest.mark.parametrize("gone", [0, 1])
async def test_a_task_that_is_cancelled_while_the_stream_is_opened_ends_it_for_all(gone: int) -> None:
    begun = asyncio.Event()

    async def opening() -> Answer:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    stream = ChatStream(opening)
    tasks = [asyncio.create_task(texts(stream)) for _ in range(2)]
    await begun.wait()
    tasks[gone].cancel()
    with pytest.raises(TruncatedStreamError):
        await asyncio.wait_for(tasks[1 - gone], 5)
    with pytest.raises(TruncatedStreamError):
        await texts(stream)


async def test_a_task_that_is_cancelled_in_the_moment_of_the_end_cuts_nothing() -> None:
    class Ending(Slow):
        async def read(self) -> list[StreamEvent]:
            events = await super().read()
            if not events:
                waiting.cancel()
            return events

    stream = stream_of(Ending(*BATCHES))
    reading, waiting = (asyncio.create_task(texts(stream)) for _ in range(2))
    await asyncio.wait([reading, waiting])
    assert waiting.cancelled()
    assert reading.result() == await texts(stream) == ["so ", "it is", "no"]
    assert (await stream.response()).text == "so it is"


class Forever(Answer):
    """Falls silent after one batch, until it is closed."""

    def __init__(self, first: list[StreamEvent]) -> None:
        self._first = first
        self.silent = asyncio.Event()
        self.ended = asyncio.Event()

    async def read(self) -> list[StreamEvent]:
        if first := self._first:
            self._first = []
            return first
        self.silent.set()
        await self.ended.wait()
        raise TruncatedStreamError("closed")

    def close(self) -> None:
        self.ended.set()


async def _all(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]


class Late(asyncio.SelectorEventLoop):
    """A loop that its own thread closes right after it said that it is open."""

    def is_closed(self) -> bool:
        return False


MADE: list[Callable[[Client], AsyncIterator[Any]]] = [
    lambda client: client.stream("offline/echo", "a b c"),
    lambda client: client.run("offline/echo", "a b c"),
    lambda client: client.map("offline/echo", ["a", "b"], concurrency=1, progress=False),
]


@pytest.mark.parametrize("made", MADE, ids=["stream", "run", "map"])
def test_a_stream_that_is_dropped_as_its_loop_closes_says_nothing(
    made: Callable[[Client], AsyncIterator[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    loop = Late()
    stream = made(Client({}))
    loop.run_until_complete(anext(stream))
    loop.close()
    del stream
    gc.collect()
    assert said == []
