"""What was begun in one event loop and is read in the next: what had come is there, and the rest is a clear error."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from dragoman.client import Client
from dragoman.types import ChatRequest, ResponseEnd, ToolStart, user


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


def in_a_loop(call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(call())


async def test_calls_under_way_in_another_loop_are_not_ended_by_a_second_one() -> None:
    client = Client({})
    stream = client.stream("offline/script", "text: a\ndelay: 0.01\ntext: b")
    calls: list[Callable[[], Coroutine[Any, Any, Any]]] = [
        lambda: client.chat("offline/echo", "x"),
        lambda: client.embed("offline/echo", "x"),
        lambda: client.count_tokens("offline/echo", "x"),
        lambda: client.open(ChatRequest(model="offline/echo", messages=(user("x"),))),
        client.list_models,
        client.find_servers,
    ]
    async for _ in stream:
        for call in calls:
            with pytest.raises(RuntimeError, match="use a SyncClient"):
                await asyncio.to_thread(in_a_loop, call)
    assert (await stream.response()).text == "ab"
    # Afterwards it may move.
    assert (await asyncio.to_thread(in_a_loop, calls[0])).text == "x"


FORKED = """
import asyncio, os, threading
from dragoman import Client

client = Client({})

def ask():
    print(asyncio.run(client.chat("offline/echo", "Hi")).text, flush=True)

async def main():
    async for _ in client.stream("offline/script", "text: a b\\nhang"):
        child = os.fork()
        if not child:
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
            os._exit(0)
        os.waitpid(child, 0)
        break

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_the_loops_of_another_process_are_not_asked() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=20, check=True)
    assert (done.stdout, done.stderr) == ("Hi\n", "")


CALLS: dict[str, Callable[[Client], Any]] = {
    "chat": lambda client: client.chat("offline/echo", "x"),
    "stream": lambda client: client.stream("offline/echo", "x").response(),
    "run": lambda client: client.run("offline/echo", "x").response(),
    "map": lambda client: anext(client.map("offline/echo", ["x"])),
    "embed": lambda client: client.embed("offline/echo", "x"),
    "list_models": lambda client: client.list_models(),
}


@pytest.mark.parametrize("name", CALLS)
def test_without_a_loop_of_asyncio_it_is_said_what_does_without(name: str) -> None:
    # So trio runs a coroutine: asyncio knows nothing of it.
    called = CALLS[name](Client({}))
    with pytest.raises(RuntimeError, match="no event loop of asyncio runs here: use a SyncClient"):
        called.send(None)
