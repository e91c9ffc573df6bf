"""`/v1/responses` over a WebSocket, frame by frame: what no well-behaved client sends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec import Struct
from websockets.frames import Frame, Opcode

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.gateway import ServerTimeouts
from dragoman.gateway.http.websocket import MAX_WAITING
from dragoman.types import Outcome
from tests.support.gateway import running
from tests.support.responses_socket import ANSWER, EVENTS, PATH, Script, streams
from tests.support.server import Exchange, Server, serve

ASKED = '{"type":"response.create","model":"up/m","input":"hé\U0001f600llo"}'.encode()


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


MESSAGE = frame(Opcode.TEXT, ASKED)
BINARY = frame(Opcode.BINARY, b"x")
CUT_LETTER = frame(Opcode.TEXT, b'"\xf0\x9f', fin=False) + frame(Opcode.CONT, b'"')


class Wire(Struct):
    """The bytes of one WebSocket, and what stands at its ends."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    service: Server
    outcomes: list[Outcome]

    async def frame(self) -> tuple[int, bytes]:
        """The next frame that comes, its opcode first."""
        first, length = await self.reader.readexactly(2)
        if length == 126:
            length = int.from_bytes(await self.reader.readexactly(2))
        return first & 15, await self.reader.readexactly(length)

    async def until(self, opcode: int, ending: bytes = b"") -> list[tuple[int, bytes]]:
        """All frames up to the first of this kind that has `ending` in it."""
        came = [await self.frame()]
        while came[-1][0] != opcode or ending not in came[-1][1]:
            came.append(await self.frame())
        return came


@asynccontextmanager
async def wire(script: Script) -> AsyncIterator[Wire]:
    outcomes: list[Outcome] = []
    async with serve(script) as up, asyncio.timeout(20):
        provider = ProviderConfig(protocol="openai-responses", url=f"{up.url}/v1", api_key="canary")
        config = Config(gateway=GatewayConfig(port=0), providers={"up": provider})
        async with running(config, timeouts=ServerTimeouts(grace=5), observers=(outcomes.append,)) as run:
            host, port = run.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(
                f"GET {PATH} HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
                "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                "sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101 ")
            assert b"extensions" not in head.lower()
            try:
                yield Wire(reader, writer, up, outcomes)
            finally:
                writer.transport.abort()


GET = (
    f"GET {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
).encode()


@pytest.mark.parametrize("more", [MESSAGE, GET], ids=["a frame", "a request"])
async def test_what_follows_a_request_for_a_websocket_before_its_response_is_refused(more: bytes) -> None:
    outcomes: list[Outcome] = []
    async with running(timeouts=ServerTimeouts(grace=5), observers=(outcomes.append,)) as run, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(run.url.rpartition(":")[2]))
        writer.write(GET + more)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        writer.close()
    assert (400, "bad_websocket") in [(each.status, each.error) for each in outcomes]


async def half(exchange: Exchange) -> None:
    await exchange.head(200, EVENTS)
    await exchange.chunk(ANSWER[: ANSWER.index(b"event: response.output_text.done")])
    await exchange.closed()


async def test_a_message_may_come_in_any_number_of_frames_with_pings_between() -> None:
    ping = frame(Opcode.PING, b"p")
    parts = [b"", *(ASKED[at : at + 1] for at in range(len(ASKED)))]
    first, *rest = [frame(Opcode.CONT if at else Opcode.TEXT, part, fin=False) for at, part in enumerate(parts)]
    async with wire(streams(ANSWER)) as on:
        on.writer.write(first + ping + ping.join(rest) + frame(Opcode.CONT, b""))
        came = await on.until(Opcode.TEXT, b'"response.completed"')
        assert came.count((Opcode.PONG, b"p")) == len(parts) - 1
        assert "hé\U0001f600llo" in on.service.requests[0].body.decode()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (MESSAGE * (MAX_WAITING + 1), 1008),
        (MESSAGE + BINARY + MESSAGE, 1003),
        (MESSAGE + CUT_LETTER + MESSAGE, 1007),
        (CUT_LETTER + MESSAGE, 1007),
        (MESSAGE + MESSAGE + frame(Opcode.CLOSE, b"\x03\xe8"), 1000),
    ],
    ids=["too many", "binary", "no UTF-8", "no UTF-8 at first", "closed"],
)
async def test_what_nobody_would_be_told_of_is_not_asked(data: bytes, code: int) -> None:
    async with wire(streams(ANSWER)) as on:
        on.writer.write(data)
        assert (await on.until(Opcode.CLOSE))[-1][1][:2] == code.to_bytes(2)
        on.writer.write(frame(Opcode.CLOSE, code.to_bytes(2)))
        assert await on.reader.read() == b""
        assert on.service.requests == []
        error = "" if code == 1000 else "invalid_request"
        assert [(each.status, each.error, each.end) for each in on.outcomes] == [(101, error, "whole")]


@pytest.mark.parametrize(
    "data",
    [
        frame(Opcode.CONT, b"x"),
        frame(Opcode.TEXT, b"x", fin=False) + MESSAGE,
        b"\x09\x80\0\0\0\0",
        bytes((MESSAGE[0] | 0x40,)) + MESSAGE[1:],
        Frame(Opcode.TEXT, ASKED).serialize(mask=False),
        frame(Opcode.CLOSE, b"\x03"),
    ],
    ids=["nothing to go on with", "text in text", "a ping in pieces", "packed", "bare", "half a reason"],
)
@pytest.mark.parametrize("during", [True, False], ids=["during an answer", "at rest"])
async def test_what_is_no_frame_ends_the_connection_and_is_told_why(data: bytes, during: bool) -> None:
    async with wire(half) as on:
        if during:
            on.writer.write(MESSAGE)
            await on.until(Opcode.TEXT)
        on.writer.write(data)
        assert (await on.until(Opcode.CLOSE))[-1][1][:2] == (1002).to_bytes(2)
        assert await on.reader.read() == b""
        if during:
            await on.service.peer_closed()
        posted = [("POST", "", "gone")] if during else []
        ends = [(each.method, each.error, each.end) for each in on.outcomes]
        assert ends == [*posted, ("GET", "invalid_request", "whole")]


@pytest.mark.parametrize(
    "data", [BINARY, CUT_LETTER, MESSAGE * (MAX_WAITING + 1)], ids=["binary", "no UTF-8", "too many"]
)
async def test_a_message_that_ends_the_connection_ends_the_answer_under_way(data: bytes) -> None:
    async with wire(half) as on:
        on.writer.write(MESSAGE)
        await on.until(Opcode.TEXT)
        on.writer.write(data)
        await on.until(Opcode.CLOSE)
        await on.service.peer_closed()
        assert len(on.service.requests) == 1
        answered = [each for each in on.outcomes if each.method == "POST"]
        assert [each.end for each in answered] == ["gone"]


async def test_a_caller_that_pings_and_does_not_read_is_not_read_any_more() -> None:
    pings = frame(Opcode.PING, b"x" * 120) * 1000
    async with wire(streams(ANSWER)) as on:
        on.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport
        with pytest.raises(TimeoutError):
            for _ in range((24 << 20) // len(pings)):
                on.writer.write(pings)
                async with asyncio.timeout(1.0):
                    await on.writer.drain()
        on.writer.transport.resume_reading()  # type: ignore[attr-defined]
        on.writer.write(frame(Opcode.PING, b"last"))
        await on.until(Opcode.PONG, b"last")


async def test_a_caller_that_does_not_read_keeps_its_service_from_sending() -> None:
    at = ANSWER.index(b"event: response.output_text.delta")
    piece = (
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"m","output_index":0,'
        b'"content_index":0,"delta":"%b"}\n\n' % (b"x" * 4000)
    )
    all_sent = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.head(200, EVENTS)
        await exchange.chunk(ANSWER[:at])
        for _ in range((24 << 20) // len(piece)):
            await exchange.chunk(piece)
        await exchange.chunk(ANSWER[at:])
        all_sent.set()
        await exchange.end()

    async with wire(script) as on:
        on.writer.write(MESSAGE)
        await on.until(Opcode.TEXT)
        on.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await all_sent.wait()
        on.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await on.until(Opcode.TEXT, b'"response.completed"')
