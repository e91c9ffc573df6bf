"""A stream that is given up before its service has answered: the service sees its caller go, over every transport."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from dragoman.errors import TruncatedStreamError
from dragoman.providers.aichatfree import AIChatFree
from tests.support.server import Exchange, serve


@asynccontextmanager
async def native() -> AsyncIterator[Mapping[str, Any]]:
    yield {}


@asynccontextmanager
async def browser() -> AsyncIterator[Mapping[str, Any]]:
    yield {"impersonate": "chrome107"}


@asynccontextmanager
async def session() -> AsyncIterator[Mapping[str, Any]]:
    async with aiohttp.ClientSession() as made:
        yield {"session": made}


@pytest.mark.parametrize("way", [native, browser, session])
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nx-half: 1\r\n"], ids=["nothing", "half a head"])
async def test_closing_a_stream_that_is_still_opening_ends_it(way: Callable[[], Any], said: bytes) -> None:
    asked = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.raw(said)
        asked.set()
        await exchange.closed()

    async with serve(handler) as server, way() as extra:
        stream = AIChatFree.create_async_generator("m", [{"role": "user", "content": "Hi"}], url=server.url, **extra)
        waiting = asyncio.ensure_future(anext(stream))
        await asked.wait()
        await stream.aclose()
        with pytest.raises(TruncatedStreamError):
            await waiting
        await asyncio.wait_for(server.peer_closed(), 5)
