"""A call that is cancelled, wherever it waits: no connection, task or place of another call is left behind."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from msgspec import Struct

from dragoman.client import Client
from dragoman.errors import DragomanError
from dragoman.transport.native import NativeTransport
from tests.support.cancelling import cancelled_everywhere
from tests.support.server import Exchange, serve


class Answer(Struct):
    n: int


def look(at: int) -> str:
    return f"{at} is empty"


async def look_long(at: int) -> str:
    await asyncio.sleep(0)
    return look(at)


async def read(stream: Any) -> None:
    async with stream:
        async for _ in stream:
            pass


async def each(view: Any) -> None:
    async for _ in view:
        pass


CALLS: dict[str, Callable[[Client, str], Awaitable[object]]] = {
    "chat": lambda client, model: client.chat(model, "Hi"),
    "chat within its time": lambda client, model: client.chat(model, "Hi", timeout=60),
    "chat once": lambda client, model: client.chat(model, "Hi", retries=0),
    "chat with a value": lambda client, model: client.chat(model, "Hi", output=Answer),
    "stream": lambda client, model: read(client.stream(model, "Hi")),
    "its text": lambda client, model: each(client.stream(model, "Hi", timeout=60).text),
    "its value": lambda client, model: each(client.stream(model, "Hi", output=Answer).partial),
    "run": lambda client, model: read(client.run(model, "Hi", tools=[look, look_long])),
    "run for its end": lambda client, model: client.run(model, "Hi", tools=[look, look_long], timeout=60).response(),
    "run for a value": lambda client, model: client.run(model, "Hi", tools=[look_long], output=Answer).response(),
    "map": lambda client, model: each(client.map(model, ["Hi", "Ho", "Ha"], concurrency=2)),
    "embed": lambda client, model: client.embed(model, "Hi"),
    "count": lambda client, model: client.count_tokens(model, "Hi"),
    "list": lambda client, model: client.list_models(),
}
POLICIES: dict[str, dict[str, object]] = {
    "falls back": {},
    "hedges": {"hedge": 0.001},
    "asks again": {"retry": {"attempts": 2}},
    "continues": {"continue": True},
}
CHUNK: dict[str, object] = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
LOOKS = [
    {"index": i, "id": f"c{i}", "type": "function", "function": {"name": name, "arguments": '{"at":1}'}}
    for i, name in enumerate(["look", "look_long"])
]


def event(delta: object, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return b"data: %b\n\n" % json.dumps({**CHUNK, "choices": [choice]}).encode()


async def answer(exchange: Exchange) -> None:
    if not exchange.request.path.endswith("/chat/completions"):
        vectors = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "usage": USAGE}
        await exchange.reply(200, {"content-type": "application/json"}, json.dumps(vectors).encode())
        return
    asked = json.loads(exchange.request.body)
    if asked["model"] == "bad":
        await exchange.reply(503, {"content-type": "application/json"}, b'{"error":{"message":"later","code":"x"}}')
        return
    await exchange.head(headers={"content-type": "text/event-stream"})
    if "tools" in asked and asked["messages"][-1]["role"] == "user":
        await exchange.chunk(event({"tool_calls": LOOKS[: len(asked["tools"])]}))
        await exchange.chunk(event({}, "tool_calls"))
    else:
        texts = ['{"n":', "1}"] if len(asked["messages"]) > 1 else ['{"n":', "null}"]
        for text in texts:
            await exchange.chunk(event({"content": text}))
            await asyncio.sleep(0.001)  # so that there is a wait between two pieces
        await exchange.chunk(event({}, "stop"))
    await exchange.chunk(b"data: [DONE]\n\n")
    await exchange.end()


def tables(url: str, policy: Mapping[str, object]) -> dict[str, object]:
    up = {"protocol": "openai-chat", "url": f"{url}/v1", "api_key": "k"}
    return {
        "providers": {"up": up, "other": up},
        "profiles": {"*": {"prefill": True}},
        "models": {"route": {"targets": ["up/bad", "other/m"], **policy}},
    }


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("call", CALLS)
async def test_nothing_is_left_behind(call: str, policy: str) -> None:
    async with serve(answer) as server:
        client = Client(tables(server.url, POLICIES[policy]), max_parallel=1, random=lambda: 0.0)
        transport = client._transports.pick()
        assert isinstance(transport, NativeTransport)

        async def work() -> None:
            with suppress(DragomanError):
                await CALLS[call](client, "route")

        def check() -> None:
            gate = client._limiter._gates.here()
            assert (gate.under_way, len(gate._waiting)) == (0, 0)
            assert {name: health.in_flight for name, health in client.healths().items() if health.in_flight} == {}
            stats = transport.stats()
            assert (stats.active, stats.waiting) == (0, 0)
            serving = {connection.task for connection in server.connections}
            assert asyncio.all_tasks() - serving == {asyncio.current_task()}

        await cancelled_everywhere(work, check)
        assert (await client.chat("other/m", "Hi")).text
        await client.aclose()
