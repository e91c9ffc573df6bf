"""Connections that serve again, and what is left behind when somebody leaves: nothing."""

import asyncio
import errno
import socket

import pytest

from dragoman.errors import ConnectError, TimeoutError, TruncatedStreamError
from dragoman.transport.base import Route
from dragoman.transport.native import NativeTransport, Stats
from tests.support.server import Exchange, serve
from tests.transport.native.reading import PLAIN, get, whole, within

EMPTY = Stats(idle=0, active=0, waiting=0)


async def until(transport: NativeTransport, *, idle: int = 0, active: int = 0, waiting: int = 0) -> None:
    """Returns once the pools hold just that; the test's own time limit ends it otherwise."""
    while transport.stats() != Stats(idle, active, waiting):  # noqa: ASYNC110  # nobody tells of it
        await asyncio.sleep(0.001)


async def echo(exchange: Exchange) -> None:
    await exchange.reply(200, {}, exchange.request.body)


async def hang(exchange: Exchange) -> None:
    await exchange.closed()


async def drip(exchange: Exchange) -> None:
    await exchange.head()
    await exchange.chunk(b"first")
    await exchange.closed()


async def test_one_connection_serves_one_request_after_another() -> None:
    async with serve(echo) as server:
        transport = NativeTransport()
        for number in range(20):
            reply = await transport.send(get(server.url, body=b"%d" % number), PLAIN)
            assert transport.stats() == Stats(idle=0, active=1, waiting=0)
            assert await whole(reply) == b"%d" % number
            assert transport.stats() == Stats(idle=1, active=0, waiting=0)
            reply.close()
        assert len(server.connections) == 1
        transport.close()
        await server.peer_closed()


async def test_the_connection_used_last_serves_first() -> None:
    async with serve(echo) as server:
        transport = NativeTransport()
        first = await transport.send(get(server.url), PLAIN)
        second = await transport.send(get(server.url), PLAIN)
        first.close()
        second.close()
        for _ in range(5):
            (await transport.send(get(server.url), PLAIN)).close()
        assert len(server.connections) == 2
        assert transport.stats().idle == 2
        server.connections[1].end()
        await until(transport, idle=1)
        (await transport.send(get(server.url), PLAIN)).close()
        assert len(server.connections) == 2
        transport.close()


async def test_a_whole_reply_gives_its_connection_back_unread_and_another_does_not() -> None:
    async with serve(drip) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url), PLAIN)
        reply.close()
        reply.close()
        await server.peer_closed()
        assert transport.stats() == EMPTY
        with pytest.raises(TruncatedStreamError):
            await reply.read()
        transport.close()
    async with serve(echo) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url, body=b"unread"), PLAIN)
        reply.close()
        assert transport.stats() == Stats(idle=1, active=0, waiting=0)
        assert await whole(await transport.send(get(server.url, body=b"next"), PLAIN)) == b"next"
        transport.close()


async def test_an_idle_connection_that_the_server_closes_is_dropped_at_once() -> None:
    async with serve(echo) as server:
        transport = NativeTransport()
        for reset in (False, True):
            await whole(await transport.send(get(server.url), PLAIN))
            assert transport.stats().idle == 1
            server.connections[-1].end(reset=reset)
            await until(transport)
        assert len(server.connections) == 2
        transport.close()


async def test_bytes_that_nobody_asked_for_end_an_idle_connection() -> None:
    async with serve(echo) as server:
        transport = NativeTransport()
        await whole(await transport.send(get(server.url), PLAIN))
        await server.connections[0].write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        await until(transport)
        await server.peer_closed()
        transport.close()


async def test_bytes_behind_a_reply_end_its_connection() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n")
        await exchange.end()

    async with serve(handler) as server:
        transport = NativeTransport()
        assert await whole(await transport.send(get(server.url), PLAIN)) == b"ok"
        assert transport.stats() == EMPTY
        transport.close()


@pytest.mark.parametrize("header", ["timeout=1", "timeout=0"])
async def test_a_server_that_keeps_nothing_is_believed(header: str) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(200, {"Keep-Alive": header}, b"")

    async with serve(handler) as server:
        transport = NativeTransport()
        await whole(await transport.send(get(server.url), PLAIN))
        assert transport.stats() == EMPTY
        transport.close()


async def test_an_idle_connection_expires_by_itself_before_the_server_would_close_it() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(200, {"Keep-Alive": "timeout=2, max=100"}, b"")

    async with serve(handler) as server:
        transport = NativeTransport()
        await whole(await transport.send(get(server.url), PLAIN))
        assert transport.stats().idle == 1
        await server.peer_closed()
        assert transport.stats() == EMPTY
        transport.close()


async def test_connection_close_is_obeyed() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(200, {"connection": "close"}, b"body")

    async with serve(handler) as server:
        transport = NativeTransport()
        assert await whole(await transport.send(get(server.url), PLAIN)) == b"body"
        assert transport.stats() == EMPTY
        transport.close()


@pytest.mark.parametrize("reset", [False, True])
async def test_a_stale_connection_is_replaced_once(reset: bool) -> None:
    async def handler(exchange: Exchange) -> None:
        if exchange.request.path == "/stale" and len(server.connections) == 1:
            exchange.reset() if reset else exchange.close()
            return
        await echo(exchange)

    async with serve(handler) as server:
        transport = NativeTransport()
        await whole(await transport.send(get(server.url), PLAIN))
        assert await whole(await transport.send(get(server.url, "/stale", body=b"x"), PLAIN)) == b"x"
        assert [seen.path for seen in server.requests] == ["/", "/stale", "/stale"]
        assert transport.stats() == Stats(idle=1, active=0, waiting=0)
        transport.close()


async def test_a_stale_connection_is_not_replaced_twice() -> None:
    async def handler(exchange: Exchange) -> None:
        if exchange.request.path == "/stale":
            exchange.close()
            return
        await echo(exchange)

    async with serve(handler) as server:
        transport = NativeTransport()
        await whole(await transport.send(get(server.url), PLAIN))
        with pytest.raises(TruncatedStreamError, match="without an answer"):
            await transport.send(get(server.url, "/stale"), PLAIN)
        assert len(server.requests) == 3
        assert transport.stats() == EMPTY
        transport.close()


@pytest.mark.parametrize("reset", [False, True])
async def test_what_a_service_had_time_to_run_is_not_sent_again(reset: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.transport.native.exchange.AT_ONCE", 0.1)

    async def handler(exchange: Exchange) -> None:
        if exchange.request.path == "/long":
            await asyncio.sleep(0.15)
            exchange.reset() if reset else exchange.close()
            return
        await echo(exchange)

    async with serve(handler) as server:
        transport = NativeTransport()
        await whole(await transport.send(get(server.url), PLAIN))
        with pytest.raises(TruncatedStreamError, match="without an answer"):
            await transport.send(get(server.url, "/long", body=b"x"), PLAIN)
        assert [seen.path for seen in server.requests] == ["/", "/long"]
        assert transport.stats() == EMPTY
        transport.close()


async def test_nothing_is_sent_again_once_a_byte_was_answered() -> None:
    async def handler(exchange: Exchange) -> None:
        if exchange.request.path == "/half":
            await exchange.raw(b"H")
            exchange.close()
            return
        await echo(exchange)

    async with serve(handler) as server:
        transport = NativeTransport()
        await whole(await transport.send(get(server.url), PLAIN))
        with pytest.raises(TruncatedStreamError):
            await transport.send(get(server.url, "/half"), PLAIN)
        assert len(server.requests) == 2
        transport.close()


async def test_a_slot_is_waited_for_and_then_taken_over_with_its_connection() -> None:
    async with serve(echo) as server:
        transport = NativeTransport(connections=2)
        first = await transport.send(get(server.url), PLAIN)
        second = await transport.send(get(server.url), PLAIN)
        third = asyncio.create_task(transport.send(get(server.url, body=b"third"), PLAIN))
        await until(transport, active=2, waiting=1)
        first.close()
        assert await whole(await third) == b"third"
        second.close()
        assert len(server.connections) == 2
        assert transport.stats() == Stats(idle=2, active=0, waiting=0)
        transport.close()


async def test_waiting_for_a_slot_has_a_limit() -> None:
    async with serve(drip) as server:
        transport = NativeTransport(connections=1)
        reply = await transport.send(get(server.url), PLAIN)
        with pytest.raises(TimeoutError) as caught:
            await transport.send(get(server.url), Route(within(pool=0.02)))
        assert caught.value.phase == "pool"
        assert transport.stats() == Stats(idle=0, active=1, waiting=0)
        with pytest.raises(TimeoutError) as caught:
            await transport.send(get(server.url), Route(within(total=0.02)))
        assert caught.value.phase == "total"
        reply.close()
        assert transport.stats() == EMPTY
        transport.close()


@pytest.mark.parametrize("turns", range(12))
async def test_a_hundred_cancelled_requests_in_contention_leave_every_slot_free(turns: int) -> None:
    async def handler(exchange: Exchange) -> None:
        await (echo if exchange.request.path == "/echo" else drip)(exchange)

    async with serve(handler) as server:
        transport = NativeTransport(connections=3)
        tasks = [asyncio.create_task(transport.send(get(server.url), PLAIN)) for _ in range(100)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if not isinstance(result, BaseException):
                result.close()
        assert transport.stats() == EMPTY
        assert await whole(await transport.send(get(server.url, "/echo", body=b"next"), PLAIN)) == b"next"
        transport.close()


async def test_cancelling_while_slots_change_hands_loses_none() -> None:
    async with serve(echo) as server:
        transport = NativeTransport(connections=1)
        for _ in range(20):
            reply = await transport.send(get(server.url), PLAIN)
            waiting = [asyncio.create_task(transport.send(get(server.url), PLAIN)) for _ in range(3)]
            await until(transport, active=1, waiting=3)
            reply.close()  # the first of them is handed the slot …
            waiting[0].cancel()  # … and leaves before it knows
            for task in waiting[1:]:
                (await task).close()
            assert (await asyncio.gather(waiting[0], return_exceptions=True))[0].__class__ is asyncio.CancelledError
            assert transport.stats().active == 0
        transport.close()


@pytest.mark.parametrize("where", ["head", "body"])
async def test_cancelling_closes_the_upstream_at_once(where: str) -> None:
    async with serve(hang if where == "head" else drip) as server:
        transport = NativeTransport()
        if where == "head":
            task: asyncio.Task[object] = asyncio.create_task(transport.send(get(server.url), PLAIN))
        else:
            reply = await transport.send(get(server.url), PLAIN)
            assert await reply.read() == [b"first"]
            task = asyncio.create_task(reply.read())
        while not server.requests:  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.peer_closed()
        assert transport.stats() == EMPTY
        transport.close()


async def test_closing_a_reply_wakes_its_reader() -> None:
    async with serve(drip) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url), PLAIN)
        assert await reply.read() == [b"first"]
        task = asyncio.create_task(reply.read())
        await asyncio.sleep(0)
        reply.close()
        with pytest.raises(TruncatedStreamError):
            await task
        transport.close()


async def test_closing_the_transport_ends_everything() -> None:
    async def handler(exchange: Exchange) -> None:
        await (echo if exchange.request.path == "/echo" else drip)(exchange)

    async with serve(handler) as server:
        transport = NativeTransport(connections=2)
        reply = await transport.send(get(server.url), PLAIN)
        (await transport.send(get(server.url, "/echo"), PLAIN)).close()
        second = await transport.send(get(server.url), PLAIN)
        waiting = asyncio.create_task(transport.send(get(server.url), PLAIN))
        await until(transport, active=2, waiting=1)
        transport.close()
        transport.close()
        with pytest.raises(ConnectError, match="closed"):
            await waiting
        assert await reply.read() == [b"first"]
        with pytest.raises(TruncatedStreamError):
            await reply.read()
        second.close()
        with pytest.raises(ConnectError, match="closed"):
            await transport.send(get(server.url), PLAIN)
        await server.peer_closed()
        await server.peer_closed()


async def test_two_hundred_streams_at_once() -> None:
    everyone = asyncio.Event()
    started = 0

    async def handler(exchange: Exchange) -> None:
        nonlocal started
        await exchange.head()
        await exchange.chunk(exchange.request.body)
        started += 1
        if started == 200:
            everyone.set()
        await everyone.wait()
        for _ in range(20):
            await exchange.chunk(exchange.request.body)
        await exchange.end()

    async def one(number: int) -> None:
        body = b"stream %d;" % number
        assert await whole(await transport.send(get(server.url, body=body), PLAIN)) == body * 21

    async with serve(handler) as server:
        transport = NativeTransport()
        await asyncio.gather(*[one(number) for number in range(200)])
        assert transport.stats() == Stats(idle=200, active=0, waiting=0)
        assert len(server.connections) == 200
        transport.close()


async def test_a_refused_connection_says_so() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        transport = NativeTransport()
        with pytest.raises(ConnectError) as caught:
            await transport.send(get(f"http://127.0.0.1:{port}"), PLAIN)
        assert caught.value.code == "connect_error"
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno == errno.ECONNREFUSED
        assert transport.stats() == EMPTY
        transport.close()


async def test_an_unknown_host_says_so() -> None:
    transport = NativeTransport()
    with pytest.raises(ConnectError, match=r"^no\.such\.host\.invalid: no address: "):
        await transport.send(get("http://no.such.host.invalid"), PLAIN)
    assert transport.stats() == EMPTY
    transport.close()


async def test_sends_without_delay() -> None:
    async with serve(drip) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url), PLAIN)
        pool = transport._pools.popitem()[1]
        (connection,) = pool._busy
        made = connection.transport.get_extra_info("socket")
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        reply.close()
        transport.close()


async def test_a_connection_that_dies_between_two_requests_is_replaced() -> None:
    async with serve(echo) as server:
        transport = NativeTransport(connections=1)
        reply = await transport.send(get(server.url), PLAIN)
        waiting = asyncio.create_task(transport.send(get(server.url, body=b"x"), PLAIN))
        await until(transport, active=1, waiting=1)
        (pool,) = transport._pools.values()
        (connection,) = pool._busy
        reply.close()  # hands the connection over …
        connection.transport.abort()  # … which is dead before the next request is written
        assert await whole(await waiting) == b"x"
        assert len(server.connections) == 2
        transport.close()


async def test_closing_the_transport_while_it_connects_leaves_nothing_open() -> None:
    async with serve(echo) as server:
        for turns in range(12):
            transport = NativeTransport(connections=1)
            tasks = [asyncio.create_task(transport.send(get(server.url), PLAIN)) for _ in range(2)]
            for _ in range(turns):
                await asyncio.sleep(0)
            pools = list(transport._pools.values())
            transport.close()
            for ended in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(ended, BaseException):
                    assert isinstance(ended, ConnectError | TruncatedStreamError)
                else:
                    ended.close()
            assert [pool.active + pool.idle for pool in pools] == [0] * len(pools)


async def test_any_number_of_urls_share_the_connections_of_their_origin() -> None:
    async with serve(echo) as server:
        transport = NativeTransport()
        for number in range(1500):
            transport._target(f"{server.url}/{number}", PLAIN)
            transport._target(f"http://host{number}.example", PLAIN)
            if number % 500 == 0:
                assert await whole(await transport.send(get(server.url, f"/{number}", body=b"x"), PLAIN)) == b"x"
        assert len(server.connections) == 1
        assert len(transport._targets) <= 1024
        assert len(transport._pools) <= 1025
        transport.close()
