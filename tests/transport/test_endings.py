"""Where a reply ends, and what stands behind its end: the native transport and libcurl's draw the line alike."""

import asyncio
import gc
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from dragoman.errors import BadEventError, DragomanError
from dragoman.transport.base import Reply, Route, Timeouts, Transport, read_all
from dragoman.transport.browser import BrowserTransport
from dragoman.transport.native import NativeTransport
from dragoman.types import HttpRequest
from tests.support.server import Exchange, serve
from tests.transport.foreign import PATIENT, ask, browser, closing, pieces_of

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
HELLO = b"5\r\nhello\r\n"
END = b"0\r\n\r\n"
EVIL = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL"
LONG = b"a" * 200_000

WAITS = Route(timeouts=Timeouts(idle=20.0))
"""Nothing here may wait so long."""


def native() -> Transport:
    return NativeTransport()


both = pytest.mark.parametrize("make", [native, browser])


async def pieces_and_error(
    make: Callable[[], Transport], *data: bytes, method: str = "GET", mark_chunks: bool = False
) -> tuple[list[bytes], DragomanError | None]:
    """The pieces of a reply of these bytes, behind which the service stays, and what the end raised."""

    async def handler(exchange: Exchange) -> None:
        for piece in data:
            await exchange.raw(piece)
            await asyncio.sleep(0)
        await exchange.closed()

    async with serve(handler) as server, closing(make()) as transport, asyncio.timeout(10):
        request = HttpRequest(url=server.url, method=method, mark_chunks=mark_chunks)
        return await pieces_of(await transport.send(request, WAITS))


@both
@pytest.mark.parametrize("start", [CHUNKED + HELLO + END, SIZED + b"hello"])
@pytest.mark.parametrize(
    "behind",
    [
        EVIL,
        b"HTTP/1.1 200 OK\r\n\r\nEVIL",
        CHUNKED + b"4\r\nEVIL\r\n" + END,
        b"HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nEVIL",
        b"EVIL",
        b"\r\n",
    ],
)
async def test_what_stands_behind_the_end_is_no_part_of_it(
    make: Callable[[], Transport], start: bytes, behind: bytes
) -> None:
    pieces, error = await pieces_and_error(make, start + behind)
    assert (b"".join(pieces), error) == (b"hello", None)


@both
async def test_a_connection_on_which_more_came_than_was_asked_for_serves_no_more(make: Callable[[], Transport]) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(CHUNKED + HELLO + END + EVIL)

    async with serve(handler) as server, closing(make()) as transport:
        for _ in range(2):
            assert await read_all(await transport.send(ask(server.url), PATIENT)) == b"hello"
    assert len(server.connections) == 2


@both
@pytest.mark.parametrize("status", [b"200 OK", b"204 No Content", b"304 Not Modified"])
async def test_a_reply_without_a_body_may_say_that_it_comes_in_chunks(
    make: Callable[[], Transport], status: bytes
) -> None:
    method = "HEAD" if status == b"200 OK" else "GET"
    assert await pieces_and_error(make, CHUNKED.replace(b"200 OK", status), method=method) == ([], None)


@both
@pytest.mark.parametrize("size", [1, 200])
async def test_a_fault_in_the_framing_is_told_at_once(make: Callable[[], Transport], size: int) -> None:
    pieces, error = await pieces_and_error(make, CHUNKED + HELLO, b"3e8\n" + b"x" * 1000 + b"\n", *[b"x" * 1000] * size)
    assert pieces == [b"hello"]
    assert isinstance(error, BadEventError)


@both
@pytest.mark.parametrize("overhead", [b"5;" + LONG, b"0\r\n" + b"".join(b"x: %b\r\n" % LONG[:900] for _ in range(300))])
async def test_what_holds_no_text_has_an_end(make: Callable[[], Transport], overhead: bytes) -> None:
    pieces, error = await pieces_and_error(make, CHUNKED + HELLO, overhead)
    assert pieces == [b"hello"]
    assert error is not None
    assert error.code == "upstream_too_large"


async def test_two_lines_may_say_how_a_body_is_packed() -> None:
    head = CHUNKED[:-2] + b"content-encoding: identity\r\ncontent-encoding: deflate\r\n\r\n"
    deflated = b"\x78\x9c\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15"
    pieces, error = await pieces_and_error(browser, head + b"%x\r\n%b\r\n" % (len(deflated), deflated) + END)
    assert (b"".join(pieces), error) == (b"hello", None)


async def test_an_error_that_comes_as_a_reply_is_closed_is_nobodys() -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))

    async def handler(exchange: Exchange) -> None:
        await exchange.raw(CHUNKED + HELLO + b"zz\r\n")
        await exchange.closed()

    async with serve(handler) as server, closing(browser()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        await reply.read()
        reply.close()
        del reply
        await asyncio.sleep(0)
        gc.collect()
        await asyncio.sleep(0)
    assert told == []


async def test_leaves_nothing_to_the_collector() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(CHUNKED + HELLO + END)

    async with serve(handler) as server, closing(browser()) as transport:

        async def some() -> None:
            for _ in range(10):
                await read_all(await transport.send(ask(server.url), PATIENT))

        await some()
        gc.collect()
        gc.disable()
        try:
            await some()
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            left = [type(each).__name__ for each in gc.garbage]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert not {"Chunks", "Transfer", "HttpResponseParser"} & {*left}


def once(transport: Transport, context: ssl.SSLContext | None, way: Route) -> bytes:
    """One request in an event loop of its own."""

    async def fine(exchange: Exchange) -> None:
        await exchange.reply(body=b"fine")

    async def scene() -> bytes:
        async with serve(fine, context) as server:
            return await read_all(await transport.send(ask(server.url), way))

    return asyncio.run(scene())


def test_lives_on_with_certificates_of_ones_own_in_another_loop(tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    transport = BrowserTransport("chrome107")
    for _ in range(3):
        assert once(transport, context, Route(ca_file=str(tmp_path / "ca.pem"))) == b"fine"
    transport.close()


def test_leaves_no_socket_in_a_loop_that_has_ended() -> None:
    transport = BrowserTransport("chrome107")
    held: list[int] = []
    for _ in range(5):
        assert once(transport, None, PATIENT) == b"fine"
        held.append(len(os.listdir("/proc/self/fd")))
    transport.close()
    assert held[-1] <= held[1]


@pytest.mark.parametrize("again", [True, False])
def test_a_reply_left_open_in_a_loop_that_has_ended_harms_nobody(
    again: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    transport = BrowserTransport("chrome107")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def leave() -> Reply:
            sending = asyncio.ensure_future(
                transport.send(ask(f"http://127.0.0.1:{listener.getsockname()[1]}"), PATIENT)
            )
            peer, _ = await asyncio.to_thread(listener.accept)
            peers.append(peer)
            peer.sendall(CHUNKED + HELLO)
            return await sending

        peers: list[socket.socket] = []
        reply = asyncio.run(leave())
        if again:
            assert once(transport, None, PATIENT) == b"fine"
        else:
            transport.close()
        peers[0].settimeout(10)
        while peers[0].recv(1 << 16):  # the request, and then the end
            continue
        peers[0].close()
    transport.close()
    del reply
    assert capfd.readouterr().err == ""
