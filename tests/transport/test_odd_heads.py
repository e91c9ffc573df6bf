"""Odd heads of services, which every library must read alike."""

import pytest

from dragoman.errors import BadEventError, DragomanError
from dragoman.transport.base import Route, Timeouts, read_all
from dragoman.types import ResponseHead
from tests.support.server import Exchange, serve
from tests.transport.foreign import ALL, Make, ask, closing, pieces_of

WAITS = Route(timeouts=Timeouts(first_byte=20.0, idle=20.0))
"""Nothing here may wait so long."""

OK = b"HTTP/1.1 200 OK\r\n"
FOUR = b"content-length: 4\r\n\r\nfine"

every = pytest.mark.parametrize("make", ALL)


async def came(make: Make, wire: bytes) -> tuple[ResponseHead, bytes, DragomanError | None]:
    """The head, the body and the error of a reply of these bytes, after which the service closes the connection."""

    async def handler(exchange: Exchange) -> None:
        await exchange.raw(wire)

    async with serve(handler) as server, closing(make()) as transport:
        reply = await transport.send(ask(server.url), WAITS)
        pieces, error = await pieces_of(reply)
        return reply.head, b"".join(pieces), error


@every
@pytest.mark.parametrize("encoding", [b"identity", b"Identity "])
async def test_a_body_of_another_transfer_encoding_ends_with_its_connection(make: Make, encoding: bytes) -> None:
    _, body, error = await came(make, OK + b"transfer-encoding: %b\r\nconnection: close\r\n\r\nfine" % encoding)
    assert (body, error) == (b"fine", None)


@every
@pytest.mark.parametrize("coding", ["none", "UTF-8", "identity", "", "none, identity"])
async def test_a_body_whose_coding_is_none_is_taken_as_it_comes(make: Make, coding: str) -> None:
    _, body, error = await came(make, OK + b"content-encoding: %b\r\n" % coding.encode() + FOUR)
    assert (body, error) == (b"fine", None)


@every
async def test_a_folded_value_is_one_line(make: Make) -> None:
    head, body, error = await came(make, OK + b"x-a: b,\r\n c\r\nx-d: e\r\n" + FOUR)
    assert (head.header("x-a"), head.header("x-d")) == ("b, c", "e")
    assert (body, error) == (b"fine", None)


@every
async def test_one_field_may_be_as_long_as_a_head(make: Make) -> None:
    value = "y" * 60_000
    head, body, error = await came(make, OK + b"x: %b\r\n" % value.encode() + FOUR)
    assert (head.header("x"), body, error) == (value, b"fine", None)


@every
@pytest.mark.parametrize("fields", [b"connection: upgrade\r\nupgrade: websocket\r\n", b""])
async def test_a_switch_that_nobody_asked_for_is_no_reply(make: Make, fields: bytes) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 101 Switching Protocols\r\n%b\r\nfine" % fields)
        await exchange.closed()

    async with serve(handler) as server, closing(make()) as transport:
        with pytest.raises(BadEventError, match=r"protocol|Upgrade"):
            await transport.send(ask(server.url), WAITS)
        await server.peer_closed()


@every
async def test_a_length_that_no_number_holds_is_no_missing_length(make: Make) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.raw(OK + b"content-length: 99999999999999999999\r\n\r\nfine")

    async with serve(handler) as server, closing(make()) as transport:
        with pytest.raises(BadEventError):
            await read_all(await transport.send(ask(server.url), WAITS))
