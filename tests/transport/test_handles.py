"""libcurl's handles, used again: nothing of one request is left in the next. And chunks, taken apart beside libcurl."""

import asyncio
import gzip
import socket
import ssl
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import BadEventError, TimeoutError
from dragoman.transport.base import Route, Timeouts, read_all
from dragoman.transport.browser import BrowserTransport
from dragoman.transport.browser.chunks import Chunks
from dragoman.transport.browser.handles import MAX_IDLE, Handles
from dragoman.types import HttpRequest
from tests.support.server import Exchange, serve
from tests.transport.foreign import PATIENT, ask, closing, pieces_of

BODY = b"3\r\nabc\r\n1;x=y\r\nd\r\nA\r\n0123456789\r\n0\r\nx-trailer: 1\r\n\r\n"
"""Three chunks, one of them with an extension, and a trailer."""


async def fine(exchange: Exchange) -> None:
    await exchange.reply(body=b"fine")


def put_together(pieces: list[bytes]) -> list[bytes]:
    """The chunks: what stands before each mark, and what follows the last."""
    chunks = [b""]
    for piece in pieces:
        if piece:
            chunks[-1] += piece
        else:
            chunks.append(b"")
    return chunks


@pytest.mark.parametrize("cut", range(len(BODY)))
def test_chunks_are_taken_apart_at_any_cut(cut: int) -> None:
    chunks = Chunks(marked=True)
    pieces: list[bytes] = []
    whole: list[bool] = []
    for part in (BODY[:cut], BODY[cut:]):
        pieces += chunks.feed(part)
        whole.append(chunks.whole)
    assert whole == [False, True]
    # Where the end comes alone, the mark of the chunk before it has been handed out already.
    assert [chunk for chunk in put_together(pieces) if chunk] == [b"abc", b"d", b"0123456789"]
    assert b"" not in Chunks(marked=False).feed(BODY)


@given(st.lists(st.sampled_from([b"3\r\n", b"abc", b"\r\n", b"0\r\n", b"\n", b"zz", b"\xff", BODY]), max_size=6))
def test_junk_is_never_whole_without_an_end(junk: list[bytes]) -> None:
    chunks = Chunks(marked=True)
    for piece in junk:
        chunks.feed(piece)
    assert not chunks.whole or b"0\r\n" in b"".join(junk)


async def test_chunks_without_the_framing_that_http_asks_for_make_no_answer() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.raw(b"3\nabc\n0\n\n")

    async with serve(handler) as server, closing(BrowserTransport("chrome107")) as transport:
        _, error = await pieces_of(await transport.send(ask(server.url), PATIENT))
    assert isinstance(error, BadEventError)


async def test_nothing_of_a_request_is_left_in_the_next() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(body=exchange.request.body)

    bodies = [b"lo\0ng" * 30_000, b"sho\0rt", b"", b"x" * 70_000]
    async with serve(handler) as server, closing(BrowserTransport("chrome107")) as transport:
        for number, body in enumerate(bodies):
            headers = (("content-type", "text/plain"), (f"x-{number}", "here"))
            request = HttpRequest(url=server.url, headers=headers, body=body)
            assert await read_all(await transport.send(request, PATIENT)) == body
    heads = [dict(each.headers) for each in server.requests]
    assert [each.pop("content-length") for each in heads] == [str(len(body)) for body in bodies]
    assert [each.pop(f"x-{number}") for number, each in enumerate(heads)] == ["here"] * 4
    assert heads == [heads[0]] * 4
    assert len(server.connections) == 1


async def test_plain_packed_and_sized_replies_follow_one_another() -> None:
    async def handler(exchange: Exchange) -> None:
        kind = len(server.requests) % 3
        if kind == 0:
            await exchange.reply(body=b"hello again")
            return
        await exchange.head(headers={"content-encoding": "gzip"} if kind == 1 else {})
        data = gzip.compress(b"hello again") if kind == 1 else b"hello again"
        await exchange.chunk(data[:7])
        await exchange.chunk(data[7:])
        await exchange.end()

    async with serve(handler) as server, closing(BrowserTransport("chrome107")) as transport:
        for _ in range(7):
            assert await read_all(await transport.send(ask(server.url), PATIENT)) == b"hello again"
    assert len(server.connections) == 1


async def test_a_connection_that_does_not_come_about_is_not_mistaken_for_the_last_one(tmp_path: Path) -> None:
    ca = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    way = Route(timeouts=Timeouts(connect=1.0, tls=30.0), ca_file=str(ca_file))
    async with closing(BrowserTransport("chrome107")) as transport:
        async with serve(fine, context) as server:
            assert await read_all(await transport.send(ask(server.url), way)) == b"fine"
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", server.port))
            listener.listen(0)
            waiting = [socket.socket() for _ in range(3)]  # the listener takes one; the kernel keeps no more of them
            try:
                for each in waiting:
                    each.setblocking(False)
                    each.connect_ex(listener.getsockname())
                with pytest.raises(TimeoutError) as caught:
                    async with asyncio.timeout(10):  # TLS has 30 s, which are not to be waited for
                        await transport.send(ask(server.url), way)
            finally:
                for each in waiting:
                    each.close()
    assert caught.value.phase == "connect"


def test_keeps_some_handles_and_lets_the_oldest_go() -> None:
    handles = Handles("chrome107")
    requests = [HttpRequest(url=f"http://127.0.0.1/{number}") for number in range(MAX_IDLE + 1)]
    taken = [handles.take(each, Route(), "ca.pem") for each in requests]
    for each in taken:
        handles.give_back(each)
    assert handles.take(requests[0], Route(), "ca.pem") is not taken[0]
    again = [handles.take(each, Route(), "ca.pem") for each in requests[1:]]
    assert all(one is other for one, other in zip(again, taken[1:], strict=True))
    for each in again:
        handles.give_back(each)
    handles.close()
    assert handles.take(requests[1], Route(), "ca.pem") is not taken[1]
