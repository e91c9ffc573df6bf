"""What leads from one state of a connection to the next, where no socket's timing would show it."""

import asyncio

from dragoman.errors import BadEventError, DragomanError
from dragoman.transport.base import Exchange
from dragoman.transport.native import NativeTransport
from dragoman.transport.native.connection import Connection
from tests.support.server import Exchange as Served
from tests.support.server import serve
from tests.transport.native.reading import PLAIN, ending, get, whole


class Drainer:
    """A receiver that wants nothing of a reply but its end, though the whole time for it is over.

    `exchange`: what it drains, from then on.
    """

    def __init__(self) -> None:
        self.exchange: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

    def on_news(self, exchange: Exchange) -> None:
        """Drains it."""
        assert isinstance(exchange, Connection)
        exchange.drain(60)
        exchange._waits.ends = 0.0
        self.exchange.set_result(exchange)

    def on_failure(self, error: DragomanError) -> None:
        """Not expected."""
        self.exchange.set_exception(error)


async def test_a_reply_that_is_drained_is_released_once() -> None:
    receiver = Drainer()
    dropped = asyncio.Event()

    async def handler(exchange: Served) -> None:
        await exchange.head()
        await receiver.exchange
        await exchange.chunk(b"late")
        await dropped.wait()
        await exchange.end()

    async with serve(handler) as server:
        transport = NativeTransport()
        transport.template(get(server.url), PLAIN).send(b"", receiver, asyncio.get_running_loop())
        connection = await receiver.exchange
        (pool,) = transport._templated
        while not connection._taken:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0)
        assert (pool.active, pool.idle) == (1, 0)
        dropped.set()
        while not pool.idle:  # noqa: ASYNC110  # nor of this
            await asyncio.sleep(0)
        assert (pool.active, pool.idle) == (0, 1)
        transport.close()


async def test_what_came_before_a_mistake_has_the_head_that_came_with_it() -> None:
    replies = [
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\nx-number: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-number: 2\r\n\r\n3\r\nabc\r\nzz\r\n",
    ]

    async def handler(exchange: Served) -> None:
        await exchange.raw(replies.pop(0))
        await exchange.end()

    async with serve(handler) as server:
        transport = NativeTransport()
        first = await transport.send(get(server.url), PLAIN)
        assert await whole(first) == b""
        second = await transport.send(get(server.url), PLAIN)
        assert second.head.header("x-number") == "2"
        pieces, error = await ending(second)
        assert pieces == [b"abc"]
        assert isinstance(error, BadEventError)
        assert len(server.connections) == 1
        transport.close()
