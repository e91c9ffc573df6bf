"""Replies as they come over a socket: framing, cuts, ends, bounds."""

import asyncio

import pytest

from dragoman.errors import BadEventError, DragomanError, TruncatedStreamError
from dragoman.transport.native import NativeTransport
from tests.support.server import Exchange, Handler, serve
from tests.transport.native.reading import PLAIN, ending, get, whole

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Name:  v \r\n\r\n"
    b"3\r\nabc\r\n6;ext=1\r\n\xd0\x9f\xd1\x80\xd0\xb8\r\n0\r\nx-trailer: t\r\n\r\n"
)
SIZED = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc\xd0\x9f\xd1\x80\xd0\xb8"
UNTIL_CLOSE = b"HTTP/1.0 200 OK\r\n\r\nabc\xd0\x9f\xd1\x80\xd0\xb8"
TEXT = "abcПри".encode()


def says(*parts: bytes, keep: bool = True) -> Handler:
    """A server that answers with these bytes, a turn of the loop between them."""

    async def handler(exchange: Exchange) -> None:
        for part in parts:
            await exchange.raw(part)
            for _ in range(3):
                await asyncio.sleep(0)
        if keep:
            await exchange.end()

    return handler


@pytest.mark.parametrize(("raw", "keep"), [(CHUNKED, True), (SIZED, True), (UNTIL_CLOSE, False)])
@pytest.mark.parametrize("mark_chunks", [False, True])
async def test_is_the_same_at_every_cut(raw: bytes, keep: bool, mark_chunks: bool) -> None:
    parts = [raw]

    async def handler(exchange: Exchange) -> None:
        await says(*parts, keep=keep)(exchange)

    async with serve(handler) as server:
        transport = NativeTransport()
        for at in range(1, len(raw)):
            parts[:] = raw[:at], raw[at:]
            reply = await transport.send(get(server.url, mark_chunks=mark_chunks), PLAIN)
            assert reply.head.status == 200
            assert await whole(reply) == TEXT, at
        assert len(server.connections) == (1 if keep else len(raw) - 1)
        transport.close()


@pytest.mark.parametrize("raw", [CHUNKED, SIZED])
@pytest.mark.parametrize("reset", [False, True])
async def test_never_lies_about_an_end_at_any_byte(raw: bytes, reset: bool) -> None:
    size = 0

    async def handler(exchange: Exchange) -> None:
        await exchange.raw(raw[:size])
        for _ in range(3):
            await asyncio.sleep(0)
        if reset:
            exchange.reset()

    async with serve(handler) as server:
        transport = NativeTransport()
        for size in range(len(raw)):
            pieces: list[bytes] = []
            error: DragomanError | None = None
            try:
                pieces, error = await ending(await transport.send(get(server.url), PLAIN))
            except TruncatedStreamError as early:
                error = early
            assert isinstance(error, TruncatedStreamError), size
            assert TEXT.startswith(b"".join(pieces)), size
            assert transport.stats().active == 0
        assert len(server.connections) == len(raw)
        transport.close()


async def test_says_when_nothing_was_answered() -> None:
    async with serve(says(b"", keep=False)) as server:
        transport = NativeTransport()
        with pytest.raises(TruncatedStreamError, match="without an answer"):
            await transport.send(get(server.url), PLAIN)
        assert len(server.connections) == 1
        transport.close()


async def test_a_body_without_length_ends_with_fin_and_breaks_off_with_rst() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head(chunked=False)
        await exchange.chunk(b"abc")
        if exchange.request.path == "/rst":
            await goes_on.wait()
            exchange.reset()

    goes_on = asyncio.Event()
    async with serve(handler) as server:
        transport = NativeTransport()
        assert await whole(await transport.send(get(server.url), PLAIN)) == b"abc"
        reply = await transport.send(get(server.url, "/rst"), PLAIN)
        assert await reply.read() == [b"abc"]
        goes_on.set()
        assert isinstance((await ending(reply))[1], TruncatedStreamError)
        with pytest.raises(TruncatedStreamError):
            await reply.read()
        transport.close()


async def test_marks_the_end_of_every_chunk() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        for text in (b"one", b"two", b"three"):
            await exchange.chunk(text)
        await exchange.end()

    async with serve(handler) as server:
        transport = NativeTransport()
        marked, _ = await ending(await transport.send(get(server.url, mark_chunks=True), PLAIN))
        assert marked == [b"one", b"", b"two", b"", b"three", b""]
        plain, _ = await ending(await transport.send(get(server.url), PLAIN))
        assert plain == [b"one", b"two", b"three"]
        assert len(server.connections) == 1
        transport.close()


async def test_marks_a_chunk_only_once_it_is_whole() -> None:
    pieces: list[bytes] = []
    steps = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.raw(b"6\r\nabc")
        await steps.wait()
        await exchange.raw(b"def\r\n0\r\n\r\n")
        exchange.ended = True

    async with serve(handler) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url, mark_chunks=True), PLAIN)
        pieces += await reply.read()
        assert pieces == [b"abc"]
        steps.set()
        assert (await ending(reply))[0] == [b"def", b""]
        transport.close()


@pytest.mark.parametrize(
    ("method", "raw"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        ("POST", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("POST", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
        ("POST", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    ],
)
async def test_waits_for_no_body_where_none_can_be(method: str, raw: bytes) -> None:
    async with serve(says(raw)) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url, method=method), PLAIN)
        assert await reply.read() == []
        assert await reply.read() == []
        transport.close()


async def test_skips_informational_heads_but_not_a_flood_of_them() -> None:
    hint = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"

    async def handler(exchange: Exchange) -> None:
        if exchange.request.path == "/flood":
            await exchange.raw(hint * 100)
            await exchange.closed()
        else:
            await exchange.raw(b"HTTP/1.1 100 Continue\r\n\r\n" + hint)
            await exchange.reply(200, {"a": "b"}, b"body")

    async with serve(handler) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url), PLAIN)
        assert reply.head.status == 200
        assert reply.head.header("link") is None
        assert await whole(reply) == b"body"
        with pytest.raises(BadEventError):
            await transport.send(get(server.url, "/flood"), PLAIN)
        transport.close()


FIELDS_101 = b"".join(b"x-%d: y\r\n" % number for number in range(101))


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\n" + FIELDS_101 + b"content-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2_000_000,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;" + b"y" * 2_000_000,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: " + b"y" * 2_000_000,
    ],
)
async def test_refuses_a_head_without_bounds(raw: bytes) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(raw)
        await exchange.closed()

    async with serve(handler) as server:
        transport = NativeTransport()
        with pytest.raises(BadEventError) as caught:
            await whole(await transport.send(get(server.url), PLAIN))
        assert caught.value.code == "upstream_too_large"
        await server.peer_closed()
        assert transport.stats().active == 0
        transport.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/9.1 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nname : value\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_takes_nothing_for_http_that_is_not(raw: bytes) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(raw)
        await exchange.closed()

    async with serve(handler) as server:
        transport = NativeTransport()
        with pytest.raises(BadEventError):
            await whole(await transport.send(get(server.url), PLAIN))
        await server.peer_closed()
        transport.close()


async def test_hands_out_what_came_before_a_bad_chunk() -> None:
    async with serve(says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", b"zz\r\n")) as server:
        transport = NativeTransport()
        pieces, error = await ending(await transport.send(get(server.url), PLAIN))
        assert pieces == [b"abc"]
        assert isinstance(error, BadEventError)
        transport.close()


async def test_sends_what_was_asked_and_follows_no_redirect() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(302, {"location": "/elsewhere", "Set-Cookie": "a=b"}, b"moved")

    async with serve(handler) as server:
        transport = NativeTransport()
        for size in (0, 5, 100_000, 3_000_000):
            reply = await transport.send(get(server.url, "/a?b=c", body=b"x" * size), PLAIN)
            assert reply.head.status == 302
            assert (b"Set-Cookie", b"a=b") in reply.head.headers
            assert await whole(reply) == b"moved"
            seen = server.requests[-1]
            assert (seen.method, seen.path, seen.body) == ("POST", "/a?b=c", b"x" * size)
            assert seen.headers == {
                "host": f"127.0.0.1:{server.port}",
                "accept-encoding": "identity",
                "content-length": str(size),
            }
        await whole(await transport.send(get(server.url, method="GET"), PLAIN))
        assert "content-length" not in server.requests[-1].headers
        transport.close()


async def test_an_early_answer_to_a_long_request_is_read_and_its_connection_not_used_again() -> None:
    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        await over.wait()
        writer.transport.abort()

    over = asyncio.Event()
    server = await asyncio.start_server(early, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = NativeTransport()
    reply = await transport.send(get(f"http://127.0.0.1:{port}", body=b"x" * 30_000_000), PLAIN)
    assert reply.head.status == 413
    assert await reply.read() == []
    assert (transport.stats().idle, transport.stats().active) == (0, 0)
    over.set()
    transport.close()
    server.close()
    await server.wait_closed()


async def test_says_when_a_read_would_not_wait() -> None:
    more = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc")
        await more.wait()
        await exchange.raw(b"def")

    async with serve(handler) as server:
        transport = NativeTransport()
        reply = await transport.send(get(server.url), PLAIN)
        assert await reply.read() == [b"abc"]
        waiting = reply.ready
        more.set()
        assert await reply.read() == [b"def"]
        assert (waiting, reply.ready) == (False, True)
        with pytest.raises(StopIteration) as end:
            reply.read().__await__().__next__()
        assert end.value.value == []
        transport.close()
