"""What is alive (clients, answers under way, tools), printed, and asked for a copy."""

import asyncio
import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from dragoman import Client, SyncClient, function_tool
from dragoman.client.functions import FunctionTool
from dragoman.config import Config, from_tables

UP = {"providers": {"up": {"protocol": "openai-chat", "url": "http://127.0.0.1:9/v1", "api_key": "canary-0f-a-key"}}}


async def test_a_client_is_printed_with_its_services() -> None:
    client = Client(UP)
    assert repr(client) == "<Client of up>"
    await client.aclose()
    assert repr(client) == "<Client of up, closed>"
    with SyncClient(Config()) as plain:
        assert repr(plain) == "<SyncClient of <Client of the offline models>>"


async def test_a_stream_is_printed_with_how_far_it_is() -> None:
    async with Client(Config()) as client:
        stream = client.stream("offline/echo", "x")
        assert repr(stream) == "<ChatStream, not begun>"
        assert repr(stream.text) == "<View of <ChatStream, not begun>>"
        await stream
        assert repr(stream) == "<ChatStream, under way>"
        await stream.response()
        assert repr(stream) == "<ChatStream, at its end>"


async def test_many_prompts_are_printed_with_how_far_they_are() -> None:
    async with Client(Config()) as client:
        results = client.map("offline/echo", ["a", "b"])
        assert repr(results) == "<MapStream, not begun>"
        await anext(results)
        assert repr(results) == "<MapStream, under way>"
        results.close()
        assert repr(results) == "<MapStream, at its end>"


def test_streams_without_a_loop_are_printed_too() -> None:
    with SyncClient(Config()) as client:
        stream = client.stream("offline/echo", "x")
        assert repr(stream.text) == "<SyncView of <SyncStream of <ChatStream, not begun>>>"


def look(at: int) -> str:
    """Looks."""
    return str(at)


def test_a_tool_is_printed_with_its_name() -> None:
    assert repr(function_tool(look)) == f"<{FunctionTool.__name__} look>"


ALIVE: dict[str, Callable[[Any], Any]] = {
    "Client": lambda client: client,
    "ChatStream": lambda client: client.stream("offline/echo", "x"),
    "Run": lambda client: client.run("offline/echo", "x"),
    "MapStream": lambda client: client.map("offline/echo", ["x"]),
}


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
@pytest.mark.parametrize("name", ALIVE)
@pytest.mark.parametrize("made", [Client, SyncClient])
def test_what_is_alive_has_no_copy(made: type[Any], name: str, copied: Callable[[object], object]) -> None:
    client = made(from_tables({}))
    kind = name.removeprefix("Chat" if made is SyncClient else "")
    expected = f"a {'Sync' if made is SyncClient else ''}{kind} cannot be copied or pickled: make one in each process"
    with pytest.raises(TypeError, match=expected):
        copied(ALIVE[name](client))
    if made is SyncClient:
        client.close()
    else:
        asyncio.run(client.aclose())
