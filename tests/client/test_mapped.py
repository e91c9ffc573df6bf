"""Many prompts: in order or as they come, so many at a time, and one that fails costs no other."""

import asyncio
import gc
import sys
import threading
from collections.abc import Iterator
from typing import Any, assert_type

import pytest
from msgspec import Struct

from dragoman import Client, SyncClient
from dragoman.client.mapped import MapStream
from dragoman.client.progress import Bar, RichBar, bar
from dragoman.config import Config
from dragoman.errors import InvalidRequestError, ModelNotFoundError, OutputError, OverloadedError, TruncatedStreamError
from dragoman.types import ChatResponse, Text

PROMPTS = ["text: a", "error: 503 busy", "text: c"]


async def test_results_stand_in_the_order_of_the_prompts() -> None:
    async with Client(Config(), retries=0) as client:
        results = await client.map("offline/script", PROMPTS)
    assert [(result.index, result.prompt) for result in results] == list(enumerate(PROMPTS))
    assert [result.reply and result.reply.text for result in results] == ["a", None, "c"]
    assert results[0].text == "a"
    assert isinstance(results[1].error, OverloadedError)
    with pytest.raises(OverloadedError):
        results[1].response()


class Count(Struct):
    n: int


async def test_each_answer_is_a_value_of_output() -> None:
    prompts = ['text: {"n":1}', "text: no", "error: 503 busy"]
    async with Client(Config(), retries=0, output_retries=0) as client:
        results = await client.map("offline/script", prompts, output=Count)
        assert_type(results[0].response().output, Count)
        with pytest.raises(TypeError, match="output: expected a type that JSON can express"):
            client.map("offline/script", prompts, output=threading.Thread)
    assert results[0].response().output == Count(1)
    assert [type(result.error) for result in results[1:]] == [OutputError, OverloadedError]
    with SyncClient(Config()) as plain:
        (only,) = plain.map("offline/script", prompts[:1], output=list[int] | Count)
        assert_type(only.response().output, list[int] | Count)
        assert only.response().output == Count(1)


class Turns:
    """Answers a prompt when its turn comes; knows how many are under way."""

    def __init__(self, count: int) -> None:
        self.turns = [asyncio.Event() for _ in range(count)]
        self.begun = 0
        self.now = 0
        self.most = 0
        self.cancelled = asyncio.Event()

    async def __call__(self, prompt: Any) -> ChatResponse:
        self.begun += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.turns[prompt].wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        self.now -= 1
        return ChatResponse(parts=(Text(text=str(prompt)),))


async def test_as_they_come_or_in_order() -> None:
    for ordered, expected in ((False, ["2", "0", "1"]), (True, ["0", "1", "2"])):
        turns = Turns(3)
        stream = MapStream(turns, [0, 1, 2], 3, Bar(), ordered=ordered)  # type: ignore[list-item]  # what Turns takes
        found: list[str] = []
        reading = asyncio.ensure_future(read(stream, found))
        await settled()
        for turn in (2, 0, 1):
            turns.turns[turn].set()
            await settled()
        await reading
        assert found == expected


async def read(stream: MapStream[ChatResponse], found: list[str]) -> None:
    async for result in stream:
        found.append(result.text)


async def settled() -> None:
    """Lets all tasks run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_no_more_are_asked_at_a_time_and_prompts_are_taken_when_there_is_a_place() -> None:
    turns, taken = Turns(9), []

    def prompts() -> Iterator[Any]:
        for i in range(9):
            taken.append(i)
            yield i

    stream = MapStream(turns, prompts(), 2, Bar(), ordered=True)
    reading = asyncio.ensure_future(stream._all())
    await settled()
    assert taken == [0, 1]
    for turn in turns.turns:
        turn.set()
    assert [result.text for result in await reading] == [str(i) for i in range(9)]
    assert turns.most == 2


async def test_leaving_the_loop_ends_what_is_under_way() -> None:
    turns = Turns(3)
    turns.turns[0].set()
    async for _ in MapStream(turns, [0, 1, 2], 3, Bar(), ordered=True):  # type: ignore[list-item]  # what Turns takes
        break
    gc.collect()
    await asyncio.wait_for(turns.cancelled.wait(), 5)


async def test_closing_ends_it() -> None:
    turns = Turns(2)
    turns.turns[0].set()
    stream = MapStream(turns, [0, 1], 2, Bar(), ordered=True)  # type: ignore[list-item]  # what Turns takes
    assert (await anext(stream)).index == 0
    await stream.aclose()
    await asyncio.wait_for(turns.cancelled.wait(), 5)
    assert [result async for result in stream] == []


async def test_leaving_a_with_ends_it() -> None:
    async with Client(Config()) as client, client.map("offline/script", ["text: a"] * 3) as results:
        async for result in results:
            assert result.text == "a"
            break
    assert [result async for result in results] == []


def test_leaving_a_with_ends_it_without_a_loop() -> None:
    with SyncClient(Config()) as client, client.map("offline/script", ["text: a"] * 3) as results:
        assert next(results).text == "a"
    assert repr(results) == "<SyncMapStream of <MapStream, at its end>>"


async def test_closing_ends_it_for_a_task_that_waits() -> None:
    stream = MapStream(Turns(1), [0], 1, Bar(), ordered=True)  # type: ignore[list-item]  # what Turns takes
    found: list[str] = []
    reading = asyncio.ensure_future(read(stream, found))
    await settled()
    stream.close()
    with pytest.raises(TruncatedStreamError):
        await asyncio.wait_for(reading, 5)
    assert found == []


async def test_what_a_cancelled_task_ends_does_not_look_whole_to_another() -> None:
    stream = MapStream(Turns(1), [0], 1, Bar(), ordered=True)  # type: ignore[list-item]  # what Turns takes
    tasks = [asyncio.ensure_future(read(stream, [])) for _ in range(2)]
    await settled()
    tasks[0].cancel()
    with pytest.raises(TruncatedStreamError):
        await asyncio.wait_for(tasks[1], 5)


@pytest.mark.parametrize("ordered", [True, False])
async def test_several_tasks_share_the_results(ordered: bool) -> None:
    async with Client(Config()) as client:
        stream = client.map("offline/echo", map(str, range(20)), concurrency=3, ordered=ordered)
        shares: list[list[str]] = [[], [], []]
        await asyncio.wait_for(asyncio.gather(*(read(stream, share) for share in shares)), 5)
    assert sorted((text for share in shares for text in share), key=int) == [str(i) for i in range(20)]


async def test_a_fault_of_the_prompts_own_iterator_is_raised() -> None:
    def prompts() -> Iterator[str]:
        yield "text: a"
        raise KeyError("mine")

    async with Client(Config()) as client:
        with pytest.raises(KeyError, match="mine"):
            await client.map("offline/script", prompts(), concurrency=1)


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"prompts": "one"}, InvalidRequestError, "prompts: expected several prompts, got str"),
    ({"prompts": 5}, InvalidRequestError, "prompts: expected several prompts, got 5"),
    ({"concurrency": 0}, InvalidRequestError, "concurrency: expected a number from 1 to 10000, got 0"),
    ({"timeout": 0}, InvalidRequestError, "timeout: expected seconds"),
    ({"model": "offline/nobody"}, ModelNotFoundError, "nobody"),
    ({"seeed": 1}, TypeError, "did you mean seed"),
    ({"temperature": "hot"}, InvalidRequestError, "temperature: expected a finite number"),
    ({"output": Count, "response_format": {"type": "json_object"}}, InvalidRequestError, "no response_format beside"),
]


@pytest.mark.parametrize(("changed", "error", "words"), WRONG)
async def test_what_is_wrong_with_all_is_said_at_once(changed: Any, error: type[Exception], words: str) -> None:
    async with Client(Config()) as client:
        with pytest.raises(error, match=words):
            client.map(**{"model": "offline/echo", "prompts": ["a"], **changed})


def test_without_a_loop() -> None:
    with SyncClient(Config(), retries=0) as client:
        assert [result.text for result in client.map("offline/echo", ["a", "b"])] == ["a", "b"]
        stream = client.map("offline/script", ["text: a", "hang"], ordered=False)
        assert next(stream).text == "a"
        stream.close()
        assert list(stream) == []


def test_a_bar_is_shown_if_it_is_wanted_or_somebody_looks() -> None:
    assert type(bar("m", 3, None)) is Bar
    assert type(bar("m", 3, False)) is Bar
    assert type(bar("m", 3, True)) is RichBar


async def test_a_bar_counts_and_goes_away(capsys: pytest.CaptureFixture[str]) -> None:
    async with Client(Config()) as client:
        results = await client.map("offline/echo", ["a", "b"], progress=True)
    assert len(results) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert sys.stderr.isatty() or "\x1b" not in shown.err
