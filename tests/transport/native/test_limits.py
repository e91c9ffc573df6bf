"""Every wait has a limit of its own, and only a wait has one."""

import asyncio
import socket

import pytest

from dragoman.errors import TimeoutError
from dragoman.transport.base import Route
from dragoman.transport.native import NativeTransport
from tests.support.server import Exchange, serve
from tests.transport.native.reading import PLAIN, get, whole, within

SHORT = 0.03


async def drip(exchange: Exchange) -> None:
    await exchange.head()
    while True:
        await exchange.chunk(b"x")
        await asyncio.sleep(SHORT / 10)


async def test_the_first_byte_has_a_limit() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.closed()

    async with serve(handler) as server:
        transport = NativeTransport()
        with pytest.raises(TimeoutError) as caught:
            await transport.send(get(server.url), Route(within(first_byte=SHORT)))
        assert caught.value.phase == "first_byte"
        await server.peer_closed()
        assert transport.stats().active == 0
        transport.close()


@pytest.mark.parametrize(
    "begun",
    [
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
    ],
)
async def test_a_silence_has_a_limit_wherever_it_begins(begun: bytes) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(begun)
        await exchange.closed()

    async with serve(handler) as server:
        transport = NativeTransport()
        with pytest.raises(TimeoutError) as caught:
            await whole(await transport.send(get(server.url), Route(within(idle=SHORT))))
        assert caught.value.phase == "idle"
        await server.peer_closed()
        assert transport.stats().active == 0
        transport.close()


async def test_a_drip_ends_at_the_total() -> None:
    async with serve(drip) as server:
        transport = NativeTransport()
        with pytest.raises(TimeoutError) as caught:
            await whole(await transport.send(get(server.url), Route(within(total=4 * SHORT))))
        assert caught.value.phase == "total"
        await server.peer_closed()
        transport.close()


async def test_an_answer_that_keeps_coming_outlives_every_short_limit() -> None:
    limit = 10 * SHORT  # a busy machine may be late by most of it

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        for _ in range(40):
            await exchange.chunk(b"x")
            await asyncio.sleep(limit / 30)
        await exchange.end()

    async with serve(handler) as server:
        transport = NativeTransport()
        route = Route(within(first_byte=limit, idle=limit))
        assert await whole(await transport.send(get(server.url), route)) == b"x" * 40
        assert await whole(await transport.send(get(server.url), route)) == b"x" * 40
        assert len(server.connections) == 1
        transport.close()


async def test_a_slow_reader_is_no_silence() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.chunk(b"early")
        await release.wait()
        await exchange.chunk(b"late")
        await exchange.end()

    release = asyncio.Event()
    async with serve(handler) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url), Route(within(idle=SHORT)))
        await asyncio.sleep(2 * SHORT)  # the reader is busy elsewhere for longer than the limit
        assert await reply.read() == [b"early"]
        await asyncio.sleep(2 * SHORT)
        release.set()
        assert await whole(reply) == b"late"
        transport.close()


async def test_a_reply_that_is_read_too_slowly_ends_at_the_total_too() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        while True:
            await exchange.chunk(b"x" * 10_000)

    async with serve(handler) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url), Route(within(total=SHORT)))
        await asyncio.sleep(2 * SHORT)  # the reader is busy elsewhere, and never has to wait
        assert await reply.read()
        await asyncio.sleep(SHORT)
        with pytest.raises(TimeoutError) as caught:
            await reply.read()
        assert caught.value.phase == "total"
        await server.peer_closed()
        transport.close()


async def test_a_long_request_is_no_silence_while_it_moves() -> None:
    body = b"x" * 48_000_000  # the system's own buffers take some 6 MB, in which nobody sees it move

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        left = len(body)
        while left:
            left -= len(await reader.readexactly(min(left, 1_000_000)))
            await asyncio.sleep(SHORT / 3)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await reader.read()
        writer.transport.abort()

    server = await asyncio.start_server(slowly, "127.0.0.1", 0, limit=500_000)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    transport = NativeTransport()
    reply = await transport.send(get(url, body=body), Route(within(first_byte=10 * SHORT)))
    assert await whole(reply) == b"ok"
    transport.close()
    server.close()
    await server.wait_closed()


async def test_connecting_has_a_limit() -> None:
    """A listener whose queue is full answers no further connection."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        place = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(place)
        transport = NativeTransport()
        with pytest.raises(TimeoutError) as caught:
            await transport.send(get(f"http://127.0.0.1:{place[1]}"), Route(within(connect=SHORT)))
        assert caught.value.phase == "connect"
        assert transport.stats().active == 0
        transport.close()
        for filler in fillers:
            filler.close()


async def test_tls_has_a_limit() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        transport = NativeTransport()
        with pytest.raises(TimeoutError) as caught:
            await transport.send(get(f"https://127.0.0.1:{port}"), Route(within(tls=SHORT)))
        assert caught.value.phase == "tls"
        assert transport.stats().active == 0
        transport.close()


async def test_no_limits_are_possible() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(200, {}, b"body")

    async with serve(handler) as server:
        transport = NativeTransport()
        unlimited = Route(type(PLAIN.timeouts)(None, None, None, None, None, None, None))
        assert await whole(await transport.send(get(server.url), unlimited)) == b"body"
        assert await whole(await transport.send(get(server.url), unlimited)) == b"body"
        transport.close()
