"""Transports over other libraries keep its promises: pieces, ends, timeouts, closing. The same tests for both."""

import asyncio
import gzip
import ssl
from pathlib import Path

import pytest
import trustme

from dragoman.errors import (
    BadEventError,
    ConfigurationError,
    InvalidRequestError,
    TruncatedStreamError,
)
from dragoman.transport.base import Route, Timeouts, read_all
from dragoman.types import HttpRequest
from tests.support.raw import turns
from tests.support.server import Exchange, serve
from tests.transport.foreign import BOTH, PATIENT, Make, ask, closing, pieces_of

pytestmark = pytest.mark.parametrize("make", BOTH)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return str(path)


def presenting(ca: trustme.CA) -> ssl.SSLContext:
    """A service's context with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    return context


async def test_hands_out_each_piece_before_the_next_is_sent(make: Make) -> None:
    seen = asyncio.Queue[bytes]()

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        for piece in (b"one", b"two", b"three"):
            await exchange.chunk(piece)
            assert await seen.get() == piece
        await exchange.end()

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        pieces: list[bytes] = []
        while batch := await reply.read():
            pieces += batch
            for piece in batch:
                seen.put_nowait(piece)
        assert pieces == [b"one", b"two", b"three"]
        assert await reply.read() == []


async def test_marks_the_end_of_each_chunk(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.raw(b"5\r\nhello\r\n6\r\n world\r\n15\r\nInternal server error\r\n0\r\n\r\n")
        exchange.ended = True

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url, mark_chunks=True), PATIENT)
        pieces, error = await pieces_of(reply)
    assert error is None
    assert pieces[:6] == [b"hello", b"", b" world", b"", b"Internal server error", b""]
    assert b"".join(pieces[6:]) == b""


async def test_a_chunk_that_comes_in_pieces_ends_where_it_ends(make: Make) -> None:
    wire = b"3\r\nabc\r\n15\r\nInternal server error\r\n2\r\nxy\r\n0\r\n\r\n"

    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        for i in range(len(wire)):
            await exchange.raw(wire[i : i + 1])
            await asyncio.sleep(0.001)  # makes reads of a byte or two likely; the outcome is the same for all
        exchange.ended = True

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url, mark_chunks=True), PATIENT)
        pieces, error = await pieces_of(reply)
    assert error is None
    ends = b"".join(piece or b"|" for piece in pieces).rstrip(b"|")
    assert ends == b"abc|Internal server error|xy"


async def test_sends_method_path_headers_and_body_as_they_are(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(headers={"X-Name": "value", "Content-Type": "text/plain; charset=utf-8"}, body=b"fine")

    async with serve(handler) as server, closing(make()) as transport:
        request = HttpRequest(
            url=f"{server.url}/a%2Fb?q=%20x",
            headers=(("X-Own", "1"), ("accept", "*/*"), ("X-Empty", "")),
            body=b"\x00\xff",
        )
        reply = await transport.send(request, PATIENT)
        assert (reply.head.status, reply.head.header("x-name")) == (200, "value")
        assert reply.head.media_type == "text/plain"
        assert await read_all(reply) == b"fine"
    seen = server.requests[0]
    assert (seen.method, seen.path, seen.body) == ("POST", "/a%2Fb?q=%20x", b"\x00\xff")
    assert (seen.headers["x-own"], seen.headers["accept"], seen.headers["x-empty"]) == ("1", "*/*", "")
    assert "content-type" not in seen.headers


@pytest.mark.parametrize("status", [200, 204, 503])
async def test_a_reply_without_a_body_ends_at_once_however_often_it_comes(make: Make, status: int) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(status)

    async with serve(handler) as server, closing(make()) as transport:
        for _ in range(3):
            reply = await transport.send(ask(server.url, mark_chunks=True), PATIENT)
            assert await reply.read() == []
            assert await reply.read() == []
            reply.close()


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT"])
async def test_sends_other_methods(make: Make, method: str) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(body=b"x")

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(HttpRequest(method=method, url=server.url), PATIENT)
        assert await read_all(reply) == (b"" if method == "HEAD" else b"x")
    assert server.requests[0].method == method
    assert "content-type" not in server.requests[0].headers


BREAKS: dict[str, bytes] = {
    "a chunk cut short": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n9\r\nwor",
    "no last chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nwor\r\n",
    "a short body": b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhellowor",
}


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize("name", BREAKS)
async def test_gives_what_came_and_then_says_that_it_broke_off(make: Make, name: str, reset: bool) -> None:
    read = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.raw(BREAKS[name])
        await read.wait()
        if reset:
            exchange.reset()

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        body = b""
        while body != b"hellowor":
            body += b"".join(await reply.read())
        read.set()
        rest, error = await pieces_of(reply)
        assert rest == []
        assert isinstance(error, TruncatedStreamError)
        with pytest.raises(TruncatedStreamError):
            await reply.read()


@pytest.mark.parametrize("name", BREAKS)
async def test_gives_what_came_before_a_break_to_a_reader_who_was_late(make: Make, name: str) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(BREAKS[name])

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        await server.connections[0].lost.wait()
        for _ in range(50):
            await asyncio.sleep(0)
        pieces, error = await pieces_of(reply)
    assert b"".join(pieces) == b"hellowor"
    assert isinstance(error, TruncatedStreamError)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
async def test_a_fault_in_the_framing_is_told_after_what_came(
    make: Make, late: bool, tls: bool, ca: trustme.CA, ca_file: str
) -> None:
    """Whether the reader waits for it or not, and though the service does not close the connection."""
    read = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await read.wait()
        await exchange.raw(b"zz\r\n")
        await exchange.closed()

    tls_context = presenting(ca) if tls else None
    async with asyncio.timeout(20), serve(handler, tls_context) as server, closing(make()) as transport:
        route = Route(timeouts=Timeouts(idle=19.0), ca_file=ca_file if tls else None)
        reply = await transport.send(ask(server.url), route)
        pieces = [] if late else await reply.read()
        read.set()
        if late:
            await turns(50)
        rest, error = await pieces_of(reply)
    assert [*pieces, *rest] == [b"hello"]
    assert isinstance(error, BadEventError)


async def test_takes_the_end_of_the_connection_for_the_end_of_a_body_without_length(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head(chunked=False)
        await exchange.chunk(b"all of it")
        await exchange.end()

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        assert await pieces_of(reply) == ([b"all of it"], None)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nx-half: 1\r\n"], ids=["nothing", "half a head"])
async def test_says_truncated_where_no_whole_head_came(make: Make, start: bytes) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(start)

    async with serve(handler) as server, closing(make()) as transport:
        with pytest.raises(TruncatedStreamError):
            await transport.send(ask(server.url), PATIENT)


async def test_says_bad_event_where_the_peer_speaks_no_http(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(b"220 mail.example ESMTP\r\n\r\n")

    async with serve(handler) as server, closing(make()) as transport:
        with pytest.raises(BadEventError):
            await transport.send(ask(server.url), PATIENT)


async def test_refuses_a_head_without_bounds(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\nx-large: " + b"x" * 100_000 + b"\r\n\r\n")

    async with serve(handler) as server, closing(make()) as transport:
        with pytest.raises(BadEventError):
            await transport.send(ask(server.url), PATIENT)


async def test_passes_over_interim_replies(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
        await exchange.reply(201, body=b"x")

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        assert (reply.head.status, reply.head.header("link")) == (201, None)
        assert await read_all(reply) == b"x"


async def test_follows_no_redirect(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(302, {"location": "/elsewhere"})

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        assert reply.head.status == 302
        assert await read_all(reply) == b""
    assert [request.path for request in server.requests] == ["/"]


async def test_keeps_no_cookie(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(headers={"set-cookie": "session=1; Path=/"})

    async with serve(handler) as server, closing(make()) as transport:
        for _ in range(2):
            await read_all(await transport.send(ask(server.url), PATIENT))
    assert all("cookie" not in request.headers for request in server.requests)


async def test_unpacks_a_packed_body_and_its_head_says_so_no_more(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(headers={"content-encoding": "gzip", "x-kept": "1"}, body=gzip.compress(b"unpacked"))

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        assert await read_all(reply) == b"unpacked"
        assert [reply.head.header(name) for name in ("content-encoding", "content-length", "x-kept")] == [
            None,
            None,
            "1",
        ]


async def test_says_bad_event_where_a_body_is_not_packed_as_its_head_says(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(headers={"content-encoding": "gzip"}, body=b"plain text")

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        _, error = await pieces_of(reply)
    assert isinstance(error, BadEventError)


async def test_ends_a_body_that_unpacks_without_bounds(make: Make) -> None:
    bomb = gzip.compress(bytes(65 << 20), 1)

    async def handler(exchange: Exchange) -> None:
        await exchange.reply(headers={"content-encoding": "gzip"}, body=bomb)

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        error: object = None
        try:
            while await reply.read():
                pass
        except BadEventError as caught:
            error = caught.code
    assert error == "upstream_too_large"


async def test_ignores_proxies_of_the_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(body=b"direct")

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    async with serve(handler) as server, closing(make()) as transport:
        assert await read_all(await transport.send(ask(server.url), PATIENT)) == b"direct"


@pytest.mark.parametrize("url", ["file:///etc/hosts", "ftp://127.0.0.1/x", "no url", "http://"])
async def test_refuses_what_is_no_http_url(make: Make, url: str) -> None:
    async with closing(make()) as transport:
        with pytest.raises(InvalidRequestError):
            await transport.send(ask(url), PATIENT)


async def test_refuses_a_header_that_would_begin_another(make: Make) -> None:
    async with closing(make()) as transport:
        request = HttpRequest(url="http://127.0.0.1:1", headers=(("x-a", "1\r\nx-b: 2"),))
        with pytest.raises(InvalidRequestError):
            await transport.send(request, PATIENT)


async def test_says_which_file_of_certificates_cannot_be_read(make: Make) -> None:
    async with closing(make()) as transport:
        with pytest.raises(ConfigurationError, match=r"/nowhere/ca\.pem"):
            await transport.send(ask("https://127.0.0.1:1"), Route(timeouts=Timeouts(), ca_file="/nowhere/ca.pem"))
