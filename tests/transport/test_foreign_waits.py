"""Other transports keep to timeouts, close at once and wait for slow readers. One set of tests for both."""

import asyncio
import socket

import pytest

from dragoman.errors import (
    ConnectError,
    TimeoutError,
    TruncatedStreamError,
)
from dragoman.transport.base import read_all
from tests.support.server import Exchange, serve
from tests.transport.foreign import BOTH, PATIENT, SOON, Make, ask, closing, pieces_of, route

pytestmark = pytest.mark.parametrize("make", BOTH)


async def test_names_the_wait_for_the_first_byte(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.closed()

    async with serve(handler) as server, closing(make()) as transport:
        with pytest.raises(TimeoutError, match=f"127.0.0.1:{server.port} within 0.05 s") as caught:
            await transport.send(ask(server.url), route(first_byte=SOON, idle=None))
        assert caught.value.phase == "first_byte"
        await server.peer_closed()


async def test_names_a_silence_within_the_body_and_closes(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.chunk(b"hello")
        await exchange.closed()

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), route(idle=SOON))
        pieces, error = await pieces_of(reply)
        assert pieces == [b"hello"]
        assert isinstance(error, TimeoutError)
        assert error.phase == "idle"
        await server.peer_closed()


async def test_a_short_first_byte_limit_does_not_shorten_silences(make: Make) -> None:
    go_on = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.chunk(b"hello")
        await go_on.wait()
        await exchange.chunk(b"again")
        await exchange.end()

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), route(first_byte=SOON * 10))
        assert await reply.read() == [b"hello"]
        asyncio.get_running_loop().call_later(SOON * 12, go_on.set)
        assert await pieces_of(reply) == ([b"again"], None)


async def test_ends_an_answer_that_drips_for_ever(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        while True:
            await exchange.chunk(b".")
            await asyncio.sleep(SOON / 10)

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), route(total=SOON * 10))
        pieces, error = await pieces_of(reply)
        assert pieces
        assert isinstance(error, TimeoutError)
        assert error.phase == "total"
        await server.peer_closed()


async def test_counts_the_wait_for_the_head_into_the_total(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.closed()

    async with serve(handler) as server, closing(make()) as transport:
        with pytest.raises(TimeoutError) as caught:
            await transport.send(ask(server.url), route(total=SOON, first_byte=None))
        assert caught.value.phase == "total"


async def test_says_that_nobody_listens(make: Make) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        async with closing(make()) as transport:
            with pytest.raises(ConnectError, match=r"127\.0\.0\.1") as caught:
                await transport.send(ask(f"http://127.0.0.1:{bound.getsockname()[1]}/?key=hidden"), PATIENT)
    assert "hidden" not in str(caught.value)


async def test_names_the_wait_for_a_connection(make: Make) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        async with closing(make()) as transport:
            with pytest.raises(TimeoutError) as caught:
                await transport.send(ask(f"http://127.0.0.1:{full.getsockname()[1]}"), route(connect=SOON))
    assert caught.value.phase == "connect"


async def test_an_early_close_reaches_the_server_at_once(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.chunk(b"hello")
        await exchange.closed()

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        assert await reply.read() == [b"hello"]
        reply.close()
        reply.close()
        await asyncio.wait_for(server.peer_closed(), 5)
        with pytest.raises(TruncatedStreamError):
            await reply.read()


async def test_closing_the_transport_closes_its_open_replies(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.chunk(b"hello")
        await exchange.closed()

    async with serve(handler) as server:
        transport = make()
        reply = await transport.send(ask(server.url), PATIENT)
        reading = asyncio.ensure_future(pieces_of(reply))
        while not reading.done():
            await asyncio.sleep(0)
            transport.close()
        _, error = await reading
        assert isinstance(error, TruncatedStreamError)
        transport.close()
        await asyncio.wait_for(server.peer_closed(), 5)


async def test_a_closed_transport_may_be_used_again(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(body=b"fine")

    async with serve(handler) as server, closing(make()) as transport:
        for _ in range(2):
            assert await read_all(await transport.send(ask(server.url), PATIENT)) == b"fine"
            transport.close()


async def test_a_cancelled_wait_leaves_no_connection(make: Make) -> None:
    asked = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        asked.set()
        await exchange.closed()

    async with serve(handler) as server, closing(make()) as transport:
        sending = asyncio.ensure_future(transport.send(ask(server.url), PATIENT))
        await asked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.wait_for(server.peer_closed(), 5)


async def test_a_cancelled_read_can_be_repeated(make: Make) -> None:
    go_on = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await go_on.wait()
        await exchange.chunk(b"late")
        await exchange.end()

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        reading = asyncio.ensure_future(reply.read())
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        go_on.set()
        assert await pieces_of(reply) == ([b"late"], None)


async def test_a_slow_reader_holds_the_server_up(make: Make) -> None:
    block, blocks = b"x" * (64 << 10), 512
    sent = 0

    async def handler(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.head(length=len(block) * blocks)
        for _ in range(blocks):
            await exchange.chunk(block)
            sent += 1
        await exchange.end()

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        largest = got = 0
        for _ in range(3000):
            await asyncio.sleep(0)
        assert sent < blocks
        while batch := await reply.read():
            size = sum(map(len, batch))
            largest, got = max(largest, size), got + size
            if got < 4 << 20:
                await asyncio.sleep(0.001)
    assert got == len(block) * blocks
    assert largest <= 512 << 10
