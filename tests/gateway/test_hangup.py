"""A caller who leaves: whatever was being done for it ends at once, wherever it stood."""

import asyncio
from contextlib import suppress

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.protocols.webchat.cromicle import digest
from dragoman.wire import json
from tests.support.gateway import chat_body, connect, running_gateway
from tests.support.server import Exchange, serve

BEGINNING = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"half"}}]}\n\n'


def configured(url: str) -> Config:
    """A gateway in front of a service that speaks OpenAI's protocol at `url`."""
    provider = ProviderConfig(protocol="openai-chat", url=url, models=("m",))
    return Config(gateway=GatewayConfig(port=0, default_model="up/m"), providers={"up": provider})


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("phase", ["before the head", "before the first content", "in mid-stream"])
async def test_a_caller_who_hangs_up_closes_the_upstream(stream: bool, phase: str) -> None:
    reached, left = asyncio.Event(), asyncio.Event()

    async def upstream(exchange: Exchange) -> None:
        if phase != "before the head":
            await exchange.head(headers={"content-type": "text/event-stream"})
        if phase == "in mid-stream":
            await exchange.chunk(BEGINNING)
        reached.set()
        await exchange.closed()
        left.set()

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url:
        async with connect(url) as wire:
            wire.send("POST", "/v1/chat/completions", body=chat_body("hi", "up/m", stream=stream))
            if stream and phase == "in mid-stream":
                assert await wire.head() == 200
                assert b"half" in await wire.chunk()
            else:
                await reached.wait()
        await left.wait()


async def test_a_caller_of_raw_text_who_hangs_up_closes_the_upstream() -> None:
    left = asyncio.Event()

    async def upstream(exchange: Exchange) -> None:
        await exchange.head(headers={"content-type": "text/event-stream"})
        await exchange.chunk(BEGINNING)
        await exchange.closed()
        left.set()

    question = json.encode({"message": "hi", "token": "abc", "hash": digest("hi")})
    async with serve(upstream) as service, running_gateway(configured(service.url)) as url:
        async with connect(url) as wire:
            wire.send("POST", "/cromicle/chat", body=question)
            assert await wire.head() == 200
            assert await wire.chunk() == b"half"
        await left.wait()


async def test_a_caller_who_resets_while_it_is_written_to_closes_the_upstream() -> None:
    left = asyncio.Event()

    async def upstream(exchange: Exchange) -> None:
        await exchange.head(headers={"content-type": "text/event-stream"})
        with suppress(ConnectionError):
            while True:
                await exchange.chunk(BEGINNING * 1000)
                await asyncio.sleep(0)
        left.set()

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url:
        async with connect(url) as wire:
            wire.send("POST", "/v1/chat/completions", body=chat_body("hi", "up/m", stream=True))
            await wire.head()
            wire.writer.transport.abort()
        await left.wait()


async def test_a_caller_who_leaves_in_its_own_request_reaches_nobody() -> None:
    asked: list[Exchange] = []

    async def upstream(exchange: Exchange) -> None:
        asked.append(exchange)

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url:
        async with connect(url) as wire:
            wire.send("POST", "/v1/chat/completions", {"Content-Length": "1000"}, b"{")
        async with connect(url) as wire:
            wire.send("GET", "/health/live")
            assert (await wire.answer()).status == 200
    assert not asked


async def test_a_caller_does_not_wait_for_the_upstreams_transfer_to_end_and_its_connection_serves_again() -> None:
    whole: asyncio.Queue[None] = asyncio.Queue()
    ended: asyncio.Queue[None] = asyncio.Queue()

    async def upstream(exchange: Exchange) -> None:
        await exchange.head(headers={"content-type": "text/event-stream"})
        await exchange.chunk(BEGINNING)
        await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
        await whole.get()
        await exchange.end()
        ended.put_nowait(None)

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url, connect(url) as wire:
        for _ in range(3):
            wire.send("POST", "/v1/chat/completions", body=chat_body("hi", "up/m", stream=True))
            assert (await wire.answer()).clean
            whole.put_nowait(None)
            await ended.get()
        assert len(service.connections) == 1
