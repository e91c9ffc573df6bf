"""A slow reader holds the sender back instead of filling memory."""

import asyncio

import pytest

from dragoman.errors import DragomanError
from dragoman.transport.base import COMPLETE, Exchange
from dragoman.transport.native import NativeTransport
from dragoman.transport.native.buffer import NARROW, PROOF, UNREAD, WIDE
from dragoman.transport.native.connection import Connection
from tests.support.server import Exchange as Served
from tests.support.server import serve
from tests.transport.native.reading import PLAIN, get, whole

TOTAL = 24 << 20
"""More than all of the system's own buffers hold."""


@pytest.mark.parametrize("chunk", [1_000, 1 << 20])
@pytest.mark.parametrize("chunked", [True, False])
async def test_reading_pauses_while_nobody_reads(chunk: int, chunked: bool) -> None:
    sent = 0

    async def handler(exchange: Served) -> None:
        nonlocal sent
        await exchange.head(chunked=chunked, length=None if chunked else TOTAL // chunk * chunk)
        for _ in range(TOTAL // chunk):
            await exchange.chunk(b"x" * chunk)
            sent += chunk
        await exchange.end()

    async with serve(handler) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url), PLAIN)
        (pool,) = transport._pools.values()
        (connection,) = pool._busy
        while not connection._paused:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        held = sum(map(len, connection.pieces))
        assert UNREAD < held <= UNREAD + NARROW
        assert sent < TOTAL - chunk
        size = 0
        while batch := await reply.read():
            assert sum(map(len, batch)) <= UNREAD + NARROW
            size += sum(map(len, batch))
            await asyncio.sleep(0)
        assert size == TOTAL // chunk * chunk
        assert transport.stats().idle == 1
        transport.close()


async def test_leaving_a_paused_reply_closes_it() -> None:
    async def handler(exchange: Served) -> None:
        await exchange.head()
        while not exchange._connection.gone.is_set():
            await exchange.chunk(b"x" * 100_000)

    async with serve(handler) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url), PLAIN)
        (pool,) = transport._pools.values()
        (connection,) = pool._busy
        while not connection._paused:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0)
        reply.close()
        assert transport.stats().active == 0
        await server.peer_closed()
        transport.close()


async def test_a_paused_connection_serves_again_once_its_reply_was_read() -> None:
    body = b"x" * 400_000

    async def handler(exchange: Served) -> None:
        await exchange.reply(200, {}, body)

    async with serve(handler) as server:
        transport = NativeTransport()
        for _ in range(3):
            reply = await transport.send(get(server.url), PLAIN)
            for _ in range(20):
                await asyncio.sleep(0)
            assert await whole(reply) == body
        assert len(server.connections) == 1
        transport.close()


class Idle:
    """A receiver that takes nothing; `paused`: the exchange, once no more is read."""

    def __init__(self) -> None:
        self.paused: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()

    def on_news(self, exchange: Exchange) -> None:
        """Looks whether reading has paused, once this call is over."""
        asyncio.get_running_loop().call_soon(self._look, exchange)

    def on_failure(self, error: DragomanError) -> None:
        """Not expected."""
        self.paused.set_exception(error)

    def _look(self, exchange: Exchange) -> None:
        assert isinstance(exchange, Connection)
        if exchange._paused and not self.paused.done():
            self.paused.set_result(exchange)


class Greedy:
    """A receiver that takes all at once; `sizes`: how much each time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.over = asyncio.Event()

    def on_news(self, exchange: Exchange) -> None:
        """Takes it."""
        self.sizes.append(sum(map(len, exchange.pieces)))
        exchange.pieces.clear()
        exchange.go_on()
        if exchange.state is COMPLETE:
            exchange.release()
            self.over.set()

    def on_failure(self, error: DragomanError) -> None:
        """Not expected."""
        self.over.set()


async def test_a_listener_that_takes_nothing_gets_no_more_than_one_read() -> None:
    async def handler(exchange: Served) -> None:
        await exchange.head()
        while not exchange._connection.gone.is_set():
            await exchange.chunk(b"x" * 100_000)

    receiver = Idle()
    async with serve(handler) as server:
        transport = NativeTransport()
        transport.template(get(server.url), PLAIN).send(b"", receiver, asyncio.get_running_loop())
        exchange = await receiver.paused
        assert 0 < sum(map(len, exchange.pieces)) <= NARROW
        exchange.release()
        await server.peer_closed()
        transport.close()


async def test_a_reader_who_has_proved_to_be_fast_gets_more_at_once() -> None:
    async def handler(exchange: Served) -> None:
        await exchange.head()
        for _ in range(400):
            await exchange.chunk(b"x" * 100_000)
        await exchange.end()

    receiver = Greedy()
    async with serve(handler) as server:
        transport = NativeTransport()
        transport.template(get(server.url), PLAIN).send(b"", receiver, asyncio.get_running_loop())
        await receiver.over.wait()
        assert sum(receiver.sizes) == 40_000_000
        assert max(receiver.sizes[: PROOF // NARROW]) <= NARROW < max(receiver.sizes) <= WIDE
        transport.close()
