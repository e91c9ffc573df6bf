"""What is over is gone at once: nothing waits for the collector, which a busy gateway seldom runs."""

import asyncio
import gc

import pytest

from dragoman.engine.relay import Relay
from dragoman.gateway.http.connection import ServerConnection
from dragoman.gateway.http.response_writer import ResponseWriter
from dragoman.transport.native.connection import Connection
from dragoman.transport.native.reply_parser import ReplyParser
from dragoman.types import ServerRequest
from tests.support.gateway import connect, running_gateway
from tests.support.relaying import DONE, EVENTS, JSON, PATH, configured, question
from tests.support.server import Exchange, serve

KINDS = (ServerConnection, Connection, ReplyParser, ResponseWriter, Relay, ServerRequest)
WHOLE = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}'


def held_objects() -> list[str]:
    """The kinds of what is still held, or waits for the collector."""
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

    gc.collect()
    before = held_objects()
    gc.disable()
    try:
        async with serve(upstream) as service, running_gateway(configured(service.url)) as url:
            for _ in range(3):
                async with connect(url) as wire:
                    for _ in range(3 if ends_well else 1):
                        wire.send("POST", PATH, {}, question(stream=stream))
                        await wire.answer()
        await asyncio.sleep(0)
        assert held_objects() == before
    finally:
        gc.enable()
