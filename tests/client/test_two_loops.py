"""What was begun in one event loop and is read in the next: what had come is there, and the rest is a clear error."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from dragoman.client import Client
from dragoman.types import ResponseEnd, ToolStart


async def never() -> str:
    """A tool that does not return."""
    await asyncio.Event().wait()
    return ""


BEGUN: dict[str, Callable[[Client], AsyncIterator[Any]]] = {
    "stream": lambda client: client.stream("offline/script", "text: a\nhang"),
    "text": lambda client: client.stream("offline/script", "text: a\nhang").text,
    "run": lambda client: client.run("offline/script", "tool: never {}", tools=[never]),
    "map": lambda client: client.map("offline/script", ["text: a", "hang"], concurrency=2, progress=False),
}
"""Each gives something, and then waits."""


async def first(begun: AsyncIterator[Any], name: str) -> None:
    async for each in begun:
        if name != "run" or isinstance(each, ToolStart):
            return


async def rest(begun: AsyncIterator[Any]) -> list[Any]:
    return [each async for each in begun]


@pytest.mark.parametrize("ended", [True, False], ids=["after a loop that has ended", "beside a loop that stands"])
@pytest.mark.parametrize("name", BEGUN)
def test_what_had_not_come_is_an_error_that_says_why(name: str, ended: bool) -> None:
    begun = BEGUN[name](Client({}))
    loop = asyncio.new_event_loop()
    if ended:
        asyncio.run(first(begun, name))
    else:
        loop.run_until_complete(first(begun, name))
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(asyncio.wait_for(rest(begun), 5))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def test_an_answer_that_is_whole_is_so_in_the_next_loop_too() -> None:
    async def to_the_last() -> None:
        async for each in stream:
            if isinstance(each, ResponseEnd):
                return

    stream = Client({}).stream("offline/script", "text: a")
    asyncio.run(to_the_last())
    assert asyncio.run(stream.response()).text == "a"
    assert asyncio.run(rest(stream)) == []


async def test_a_reader_in_another_loop_ends_nothing() -> None:
    stream = Client({}).stream("offline/script", "text: a\ndelay: 0.01\ntext: b")
    async for _ in stream:
        with pytest.raises(RuntimeError, match="another event loop"):
            await asyncio.to_thread(asyncio.run, rest(stream.text))
        break
    assert (await stream.response()).text == "ab"


def test_what_had_come_is_still_there() -> None:
    stream = Client({}).stream("offline/script", "text: a")
    assert asyncio.run(stream.response()).text == "a"
    assert asyncio.run(stream.response()).text == "a"
    assert "".join(asyncio.run(rest(stream.text))) == "a"
