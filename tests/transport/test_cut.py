"""A reply that was cut never looks whole, however it was framed and packed, and whatever cut it. The same for all."""

import asyncio
import gzip
import ssl
import zlib
from pathlib import Path

import brotli
import pytest
import trustme
from backports import zstd

from dragoman.errors import TruncatedStreamError
from dragoman.transport.base import Route
from tests.support.ports import send_fin
from tests.support.server import Exchange, serve
from tests.transport.foreign import ALL, PATIENT, Make, ask, closing, pieces_of

TEXT = "Hello wörld, this is the whole answer. ".encode() * 20

PACKED = {
    "gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "br": brotli.compress(TEXT),
    "zstd": zstd.compress(TEXT),
}


pytestmark = pytest.mark.usefixtures("event_loop_kind")


async def framed(exchange: Exchange, framing: str, coding: str, body: bytes) -> None:
    """A reply whose framing ends well, whatever `body` is."""
    length = len(body) if framing == "sized" else None
    await exchange.head(headers={"content-encoding": coding}, chunked=framing == "chunked", length=length)
    if body:
        await exchange.chunk(body)
    await exchange.end()


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("framing", ["chunked", "sized", "until close"])
@pytest.mark.parametrize("coding", PACKED)
async def test_a_packed_body_is_whole_with_its_last_byte_and_not_before(make: Make, framing: str, coding: str) -> None:
    body = PACKED[coding]

    async def handler(exchange: Exchange) -> None:
        await framed(exchange, framing, coding, body[: int(exchange.request.path[1:])])

    async with serve(handler) as server, closing(make()) as transport:
        for size in (1, 2, len(body) // 2, len(body) - 8, len(body) - 1, len(body)):
            pieces, error = await pieces_of(await transport.send(ask(f"{server.url}/{size}"), PATIENT))
            assert TEXT.startswith(b"".join(pieces))
            assert (error is None) is (size == len(body))
            assert error is None or isinstance(error, TruncatedStreamError)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("framing", ["chunked", "until close"])
async def test_a_packed_body_of_no_bytes_is_no_empty_text(make: Make, framing: str, coding: str) -> None:
    async def handler(exchange: Exchange) -> None:
        await framed(exchange, framing, coding, b"")

    async with serve(handler) as server, closing(make()) as transport:
        pieces, error = await pieces_of(await transport.send(ask(server.url), PATIENT))
    assert pieces == []
    assert isinstance(error, TruncatedStreamError)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("reset", [False, True])
async def test_a_reset_is_no_end_of_a_body_without_length(make: Make, reset: bool, late: bool) -> None:
    read = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.head(chunked=False)
        await exchange.chunk(b"half of it")
        if not late:
            await read.wait()
        if reset:
            exchange.reset()
        else:
            await exchange.end()

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        if late:
            await server.connections[0].lost.wait()
            for _ in range(50):
                await asyncio.sleep(0)
        first = await reply.read()
        read.set()
        rest, error = await pieces_of(reply)
    assert [*first, *rest] == [b"half of it"]
    assert isinstance(error, TruncatedStreamError) is reset


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("how", ["farewell", "cut", "reset"])
async def test_a_body_without_length_is_whole_only_where_tls_was_closed_properly(
    make: Make, ca: trustme.CA, tmp_path: Path, how: str
) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.head(chunked=False)
        await exchange.chunk(b"half of it")
        await read.wait()
        if how == "farewell":
            await exchange.end()
        elif how == "reset":
            exchange.reset()
        else:
            send_fin(server.connections[0]._transport.get_extra_info("socket").fileno())
            await exchange.closed()

    read = asyncio.Event()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    async with serve(handler, context) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), Route(ca_file=str(tmp_path / "ca.pem")))
        assert await reply.read() == [b"half of it"]
        read.set()
        pieces, error = await pieces_of(reply)
    assert pieces == []
    assert isinstance(error, TruncatedStreamError) is (how != "farewell")
