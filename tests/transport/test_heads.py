"""Heads and packed bodies have the same bounds, whichever library reads them."""

import gzip

import pytest

from dragoman.errors import BadEventError
from dragoman.transport.base import read_all
from tests.support.server import Exchange, serve
from tests.transport.foreign import ALL, PATIENT, Make, ask, browser, closing, native, pieces_of

every = pytest.mark.parametrize("make", ALL)


def fields(number: int, size: int = 1) -> bytes:
    """A whole reply with so many header fields."""
    lines = b"".join(b"x-%d: %b\r\n" % (i, b"y" * size) for i in range(number - 1))
    return b"HTTP/1.1 200 OK\r\n" + lines + b"content-length: 4\r\n\r\nfine"


async def said(make: Make, wire: bytes) -> bytes:
    """The body of a reply of these bytes."""

    async def handler(exchange: Exchange) -> None:
        await exchange.raw(wire)
        await exchange.closed()

    async with serve(handler) as server, closing(make()) as transport:
        return await read_all(await transport.send(ask(server.url), PATIENT))


@every
async def test_a_hundred_fields_are_borne(make: Make) -> None:
    assert await said(make, fields(100)) == b"fine"


@every
@pytest.mark.parametrize("wire", [fields(101), fields(11, 7000)], ids=["many fields", "long fields"])
async def test_a_head_has_bounds(make: Make, wire: bytes) -> None:
    with pytest.raises(BadEventError) as caught:
        await said(make, wire)
    assert caught.value.code == "upstream_too_large"


@every
async def test_a_body_with_a_length_and_chunks_is_nobodys(make: Make) -> None:
    with pytest.raises(BadEventError):
        await said(
            make,
            b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n",
        )


@pytest.mark.parametrize("make", [native, browser])
async def test_interim_replies_have_an_end(make: Make) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    assert await said(make, interim * 16 + fields(1)) == b"fine"
    with pytest.raises(BadEventError) as caught:
        await said(make, interim * 2000 + fields(1))
    assert caught.value.code == "upstream_too_large"


@every
async def test_a_bomb_goes_off_in_the_open(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(headers={"content-encoding": "gzip"}, body=gzip.compress(bytes(16 << 20)))

    async with serve(handler) as server, closing(make()) as transport:
        pieces, error = await pieces_of(await transport.send(ask(server.url), PATIENT))
    assert error is not None
    assert error.code == "upstream_too_large"
    assert sum(map(len, pieces)) <= 4 << 20


@every
@pytest.mark.parametrize("coding", ["gzip, gzip", "compress", "gzip\r\ncontent-encoding: gzip"])
async def test_one_coding_is_undone_and_no_more(make: Make, coding: str) -> None:
    async def handler(exchange: Exchange) -> None:
        body = gzip.compress(gzip.compress(b"fine"))
        await exchange.reply(headers={"content-encoding": coding}, body=body)

    async with serve(handler) as server, closing(make()) as transport:
        with pytest.raises(BadEventError, match="content-encoding"):
            await transport.send(ask(server.url), PATIENT)


@every
async def test_a_second_line_may_name_the_coding(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(
            headers={"content-encoding": "identity\r\ncontent-encoding: GZip"}, body=gzip.compress(b"fine")
        )

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), PATIENT)
        assert reply.head.header("content-encoding") is None
        assert await read_all(reply) == b"fine"
