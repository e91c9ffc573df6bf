"""How long a call may take, beside how many others it runs, and what is wrong with a limit."""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any

import pytest

from dragoman import Client, SyncClient
from dragoman.client.gate import Gate
from dragoman.client.limiter import Limiter
from dragoman.client.options import Limits
from dragoman.config import Config
from dragoman.engine.answer import Answer
from dragoman.errors import InvalidRequestError, TimeoutError
from dragoman.types import ChatRequest, PartStart, ResponseStart, Text
from tests.support.server import Exchange, serve
from tests.support.timed import TimedAnswer

SLOW = "text: a b\nhang"
SOON = 0.05
"""Seconds of a limit that is to pass: the service never ends, so that it does not matter how long they are."""


async def test_a_call_ends_with_its_time() -> None:
    async with Client(Config()) as client:
        with pytest.raises(TimeoutError, match=r"no end from offline/script within 0.05 s") as caught:
            await client.chat("offline/script", SLOW, timeout=SOON)
        assert caught.value.phase == "total"


async def test_a_stream_gives_what_came_in_time_and_is_then_no_whole_answer() -> None:
    async with Client(Config(), timeout=SOON) as client:
        stream = client.stream("offline/script", SLOW)
        texts: list[str] = []
        with pytest.raises(TimeoutError):
            texts += [text async for text in stream.text]
        with pytest.raises(TimeoutError):
            await stream.response()
        assert [delta.text for delta in await _so_far(stream)] == ["a ", "b"]


async def _so_far(stream: Any) -> list[Any]:
    found = []
    with pytest.raises(TimeoutError):
        async for delta in stream.deltas:
            found.append(delta)
    return found


async def test_a_call_may_take_longer_than_the_client_s_others() -> None:
    async with Client(Config(), timeout=1e-9) as client:
        with pytest.raises(TimeoutError):
            await client.chat("offline/echo", "x")
        for longer in (60, inf):
            assert (await client.chat("offline/echo", "x", timeout=longer)).text == "x"


async def test_the_time_of_a_call_covers_its_waits_for_others() -> None:
    async with Client(Config(), max_parallel=1) as client, client.stream("offline/script", SLOW):
        with pytest.raises(TimeoutError):
            await client.chat("offline/echo", "x", timeout=SOON)


async def test_no_more_calls_than_these_are_under_way() -> None:
    now, most = 0, 0
    let = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == 3:
            let.set()
        await let.wait()
        await exchange.head()
        now -= 1
        await exchange.chunk(b"hi")
        await exchange.end()

    async with serve(answer) as server:
        config = {"providers": {"up": {"type": "cromicle", "url": server.url}}}
        async with Client(config, max_parallel=3) as client:
            replies = await asyncio.gather(*(client.chat("up/m", "x") for _ in range(9)))
    assert [reply.text for reply in replies] == ["hi"] * 9
    assert most == 3


Ends = Callable[[Any], Awaitable[object]]


async def _closed(stream: Any) -> object:
    return await stream.aclose()


async def _cancelled(stream: Any) -> object:
    task = asyncio.ensure_future(stream.response())
    await asyncio.sleep(0)
    task.cancel()
    return await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("end", [_closed, _cancelled])
async def test_an_answer_counts_until_it_is_over(end: Ends) -> None:
    async with Client(Config(), max_parallel=1) as client:
        stream = await client.stream("offline/script", SLOW)
        waiting = asyncio.ensure_future(client.chat("offline/echo", "x"))
        await asyncio.sleep(0)
        assert not waiting.done()
        await end(stream)
        assert (await waiting).text == "x"
        with pytest.raises(InvalidRequestError):
            await client.chat("offline/echo", "x", temperature="hot")  # type: ignore[call-overload]  # the point of the test
        assert (await client.chat("offline/echo", "x")).text == "x"


async def test_a_call_may_be_more_modest_than_the_others_and_holds_none_of_them_up() -> None:
    gate = Gate()
    await gate.enter(None)
    modest = asyncio.ensure_future(gate.enter(1))
    await asyncio.sleep(0)
    await gate.enter(2)
    gate.leave()
    await asyncio.sleep(0)
    assert not modest.done()
    gate.leave()
    await modest
    assert gate.under_way == 1


async def test_one_that_gives_up_waiting_leaves_no_trace() -> None:
    gate = Gate()
    await gate.enter(1)
    first, second = (asyncio.ensure_future(gate.enter(1)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    gate.leave()
    await second
    third = asyncio.ensure_future(gate.enter(1))
    await asyncio.sleep(0)
    gate.leave()
    third.cancel()  # it has been let in, and does not know it yet
    await asyncio.gather(third, return_exceptions=True)
    assert gate.under_way == 0


def test_a_client_in_another_loop_begins_to_count_anew() -> None:
    client = Client(Config(), max_parallel=1)
    held = []

    async def left_open() -> None:
        held.append(await client.stream("offline/script", SLOW))

    async def asked() -> str:
        return (await client.chat("offline/echo", "x", timeout=60)).text

    asyncio.run(left_open())
    assert asyncio.run(asked()) == "x"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"timeout": 0}, "timeout: expected seconds above 0, got 0"),
    ({"timeout": "5"}, "timeout: expected seconds above 0, got str"),
    ({"timeout": float("nan")}, "timeout: expected seconds above 0, got nan"),
    ({"retries": -1}, "retries: expected a number from 0 to 100, got -1"),
    ({"retries": 1.5}, "retries: expected a number from 0 to 100, got 1.5"),
    ({"max_parallel": 0}, "max_parallel: expected a number of 1 or more, got 0"),
    ({"max_parallel": True}, "max_parallel: expected a number of 1 or more, got True"),
]


@pytest.mark.parametrize(("limits", "words"), WRONG)
async def test_a_limit_that_is_none_is_named(limits: dict[str, Any], words: str) -> None:
    async with Client(Config()) as client:
        for wrong in (lambda: Client(Config(), **limits), lambda: SyncClient(Config(), **limits)):
            with pytest.raises(InvalidRequestError) as caught:
                wrong()
            assert caught.value.message == words
        with pytest.raises(InvalidRequestError, match=words.partition(":")[0]):
            await client.chat("offline/echo", "x", **limits)
        with pytest.raises(InvalidRequestError, match=words.partition(":")[0]):
            await client.stream("offline/echo", "x", **limits)


def test_a_limit_that_there_is_not_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"there is no option 'time_out'; did you mean timeout\?"):
        Client(Config(), time_out=1)  # type: ignore[call-arg]  # the point of the test


async def test_a_system_s_message_stands_before_all_others() -> None:
    async with Client(Config()) as client:
        alone = await client.count_tokens("offline/echo", "one two")
        both = await client.count_tokens("offline/echo", "one two", system="be brief")
        assert both.input_tokens == alone.input_tokens + 2
        with pytest.raises(InvalidRequestError, match="system: expected text, got int"):
            await client.chat("offline/echo", "x", system=5)  # type: ignore[call-overload]  # the point of the test


async def test_of_no_message_at_all_nobody_is_asked() -> None:
    async with Client(Config()) as client:
        with pytest.raises(InvalidRequestError, match="messages: expected at least one message, got none"):
            await client.chat("offline/echo", [])
        assert (await client.chat("offline/echo", [], system="be brief")).text == ""


EMBEDDED: list[tuple[Any, dict[str, Any], str]] = [
    ([], {}, "texts: expected a text, or texts in a list, got an empty list"),
    (5, {}, "texts: expected a text, or texts in a list, got 5"),
    (["a", 5], {}, "texts[1]: expected a text or a list of tokens, got 5"),
    ("a", {"dimensions": "5"}, "dimensions: expected int, got str"),
    ("a", {"dimensions": -1}, "dimensions: expected a number of 1 or more, got -1"),
    ("a", {"truncate": 1}, "truncate: expected bool, got int"),
    ("a", {"extra_body": {"input": 1}}, "extra_body: expected no 'input', which is an argument of its own"),
]


@pytest.mark.parametrize(("texts", "options", "words"), EMBEDDED)
async def test_what_is_wrong_with_texts_to_embed_is_named(texts: Any, options: dict[str, Any], words: str) -> None:
    async with Client(Config()) as client:
        with pytest.raises(InvalidRequestError) as caught:
            await client.embed("offline/echo", texts, **options)
        assert caught.value.message == words
        with pytest.raises(TypeError, match="did you mean dimensions"):
            await client.embed("offline/echo", "x", dimension=5)  # type: ignore[call-arg]  # the point of the test


@pytest.mark.parametrize("retries", [0, 1])
async def test_a_limited_answer_says_which_target_answers_also_if_that_changes_on_the_way(retries: int) -> None:
    inner = TimedAnswer([(0.0, [ResponseStart(), PartStart(Text("a"))])])
    inner.target = "first/m"

    async def handler(_: ChatRequest) -> Answer:
        return inner

    limits = Limits(timeout=60.0, retries=retries)
    answer = await Limiter(limits, lambda: 0.5).answer(handler, ChatRequest(model="m", messages=()), limits)
    assert answer.target == "first/m"
    inner.target = "second/m"
    assert answer.target == "second/m"
    answer.close()
