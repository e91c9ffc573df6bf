"""What is over is gone at once: nothing waits for the collector, which a busy gateway seldom runs."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.engine.relay import Relay
from dragoman.gateway.http.connection import ServerConnection
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.gateway.serving.lasting.lasting_answer import LastingAnswer
from dragoman.gateway.serving.lasting.lasting_generation import LastingGeneration
from dragoman.transport.native.connection import Connection
from dragoman.transport.native.reply_parser import ReplyParser
from dragoman.types import ServerRequest
from tests.support.gateway import connect, running, running_gateway
from tests.support.raw import turns
from tests.support.relaying import DONE, EVENTS, GATEWAY, JSON, PATH, Translating, configured, question
from tests.support.server import Exchange, serve

LASTING: dict[str, dict[str, Any]] = {"drain": {"on_disconnect": "drain"}, "resume": {"resume": 0.01}}
KINDS = (ServerConnection, Connection, ReplyParser, ResponseWriter, Relay, ServerRequest, LastingAnswer)
WHOLE = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}'


@contextmanager
def without_collector() -> Iterator[None]:
    """Nothing is collected until the block ends, and what is there already is not looked at."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def held_objects() -> list[str]:
    """The kinds of what is new and still held, or waits for the collector."""
    return [type(each).__name__ for each in gc.get_objects() if isinstance(each, KINDS)]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("ends_well", [True, False])
async def test_nothing_stays_behind_a_connection(stream: bool, ends_well: bool) -> None:
    async def upstream(exchange: Exchange) -> None:
        if not stream:
            await exchange.reply(headers=JSON, body=WHOLE if ends_well else WHOLE[:-1])
            return
        await exchange.head(headers=EVENTS)
        await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n')
        if ends_well:
            await exchange.chunk(b"data: " + DONE + b"\n\n")
            await exchange.end()
        else:
            exchange.reset()

    with without_collector():
        async with serve(upstream) as service, running_gateway(configured(service.url)) as url:
            for _ in range(3):
                async with connect(url) as wire:
                    for _ in range(3 if ends_well else 1):
                        wire.send("POST", PATH, {}, question(stream=stream))
                        await wire.answer()
        await asyncio.sleep(0)
        assert held_objects() == []


@pytest.mark.parametrize("way", ["relay", "translate"])
@pytest.mark.parametrize("leaves", [True, False])
@pytest.mark.parametrize("policy", LASTING)
async def test_nothing_stays_behind_an_answer_that_may_outlive_its_caller(policy: str, leaves: bool, way: str) -> None:
    gone, outcomes = asyncio.Event(), asyncio.Semaphore(0)

    async def upstream(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n')
        if leaves:
            await gone.wait()
        await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
        await exchange.end()

    with without_collector():
        async with serve(upstream) as service:
            config = configured(service.url, gateway=replace(GATEWAY, **LASTING[policy]))
            client = Translating(config) if way == "translate" else None
            async with running(config, client=client, observers=[lambda outcome: outcomes.release()]) as up:
                for _ in range(3):
                    gone.clear()
                    async with connect(up.url) as wire:
                        wire.send("POST", PATH, {}, question(stream=True))
                        assert await wire.head() == 200
                        await (wire.chunk() if leaves else wire.rest(200))
                    gone.set()
                    await outcomes.acquire()
                assert isinstance(up.server.current, LastingGeneration)
                while up.server.current.lasting.held:
                    await turns()
                await turns()  # a task that was woken for the end is over by then
                assert [name for name in held_objects() if name in {"LastingAnswer", "LastingWriter"}] == []
        await asyncio.sleep(0)
        del up, client
        assert held_objects() == []
