"""A large body goes out in pieces: no more at once than a socket takes well, and nothing while it takes none."""

import asyncio
from typing import Any

import pytest

from dragoman.transport.native import NativeTransport
from dragoman.transport.native.outgoing_body import PIECE, SMALL, OutgoingBody
from tests.support.server import Exchange, serve
from tests.transport.native.reading import PLAIN, get, whole

HEAD = b"POST / HTTP/1.1\r\n\r\n"


class Wire(asyncio.Transport):
    """Takes all pieces; `full`: and calls `pause` at each, as uvloop does."""

    def __init__(self, *, full: bool = False) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False
        self.body: OutgoingBody | None = None
        self._full = full

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))
        if self._full and self.body is not None:
            self.body.pause()

    def is_closing(self) -> bool:
        return self.closed


async def test_each_turn_brings_a_piece() -> None:
    data = bytes(range(256)) * (3 * PIECE // 256) + b"rest"
    wire = Wire()
    body = OutgoingBody(data, wire, asyncio.get_running_loop())
    body.begin(HEAD)
    for number in range(1, 4):
        assert (len(wire.sent), body.unwritten) == (number, len(data) - number * PIECE)
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert body.unwritten == 0
    assert b"".join(wire.sent) == HEAD + data
    assert max(map(len, wire.sent)) == PIECE + len(HEAD)


async def test_nothing_is_written_while_the_socket_is_full() -> None:
    data = b"x" * (3 * PIECE)
    wire = Wire(full=True)
    wire.body = body = OutgoingBody(data, wire, asyncio.get_running_loop())
    body.begin(HEAD)
    for number in range(1, 4):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(wire.sent) == number
        body.resume()
    assert b"".join(wire.sent) == HEAD + data


async def test_nothing_is_written_once_the_connection_closes() -> None:
    wire = Wire()
    body = OutgoingBody(b"x" * (3 * PIECE), wire, asyncio.get_running_loop())
    body.begin(HEAD)
    wire.closed = True
    for _ in range(4):
        await asyncio.sleep(0)
    assert len(wire.sent) == 1


async def test_a_body_that_is_written_is_not_kept() -> None:
    data: Any = bytearray(b"x" * (2 * PIECE))  # which cannot be changed as long as somebody looks at it
    body = OutgoingBody(data, Wire(), asyncio.get_running_loop())
    body.begin(HEAD)
    with pytest.raises(BufferError):
        data.pop()
    for _ in range(3):
        await asyncio.sleep(0)
    assert body.unwritten == 0
    data.pop()


@pytest.mark.parametrize("size", [SMALL, SMALL + 1, PIECE, PIECE + 1, 40 * PIECE + 7])
async def test_a_body_arrives_whole_and_its_connection_serves_again(size: int) -> None:
    received: list[bytes] = []

    async def handler(exchange: Exchange) -> None:
        received.append(exchange.request.body)
        await exchange.reply(body=b"seen")

    data = (b"0123456789" * (size // 10 + 1))[:size]
    async with serve(handler) as server:
        transport = NativeTransport()
        request = get(server.url, body=data)
        for _ in range(2):
            assert await whole(await transport.send(request, PLAIN)) == b"seen"
        assert received == [data, data]
        assert len(server.connections) == 1
        transport.close()


async def test_a_connection_whose_body_was_not_read_serves_no_more() -> None:
    connections: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ntoo large")

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        transport = NativeTransport()
        request = get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", body=b"x" * (320 * PIECE))
        for _ in range(2):
            assert await whole(await transport.send(request, PLAIN)) == b"too large"
        assert len(connections) == 2
        transport.close()
        for writer in connections:
            writer.transport.abort()
        await asyncio.sleep(0)
