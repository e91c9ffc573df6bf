"""Callers who read slowly or not at all, and those who leave while they still ask."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.gateway import ServerTimeouts
from dragoman.protocols.webchat.cromicle import digest
from dragoman.wire import json
from tests.support.gateway import CallerConnection, chat_body, running, running_gateway
from tests.support.raw import LIVE, answers, closing, post, turns
from tests.support.server import Exchange, serve

EVENTS = {"content-type": "text/event-stream"}
PIECE = b"x" * 50_000
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % PIECE
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
NUMBER = 300
"""Events of an answer of 15 MB: more than all buffers between the service and the caller hold."""

RELAYED = post(chat_body("hi", "up/m", stream=True))
TRANSLATED = post(json.encode({"message": "hi", "token": "abc", "hash": digest("hi")}), "/cromicle/chat")
ASKED = {"relayed": RELAYED, "translated": TRANSLATED}


def configured(url: str) -> Config:
    """A gateway in front of a service at `url`."""
    provider = ProviderConfig(protocol="openai-chat", url=url, models=("m",))
    return Config(gateway=GatewayConfig(port=0, default_model="up/m"), providers={"up": provider})


@asynccontextmanager
async def narrow(url: str) -> AsyncIterator[CallerConnection]:
    """A connection with small buffers, whose caller reads only what it asks for."""
    parts = urlsplit(url)
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, (parts.hostname, parts.port))
    reader, writer = await asyncio.open_connection(sock=made, limit=4096)
    try:
        yield CallerConnection(reader, writer, parts.netloc)
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


class Source:
    """A service with a long answer. `blocked`: it can send no more; `left`: its caller has."""

    def __init__(self, end: bytes = END) -> None:
        self.blocked = asyncio.Event()
        self.left = asyncio.Event()
        self._end = end

    async def __call__(self, exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        try:
            for _ in range(NUMBER):
                await self._send(exchange)
            await exchange.chunk(self._end)
            await exchange.end()
        except ConnectionError:
            self.left.set()
            raise

    async def _send(self, exchange: Exchange) -> None:
        sending = asyncio.create_task(exchange.chunk(EVENT))
        try:
            done, _ = await asyncio.wait([sending], timeout=0.3)
            if not done:
                self.blocked.set()
            await sending
        finally:
            sending.cancel()


@pytest.mark.parametrize("way", ASKED)
async def test_a_slow_reader_holds_the_service_back_and_gets_everything(way: str) -> None:
    source = Source()
    async with serve(source) as service, running_gateway(configured(service.url)) as url, narrow(url) as wire:
        wire.writer.write(ASKED[way])
        await source.blocked.wait()
        got = (await wire.answer()) if way == "relayed" else None
        size = len(got.body) if got is not None else len((await wire.answer()).body)
        assert size >= NUMBER * len(PIECE)
        if got is not None:
            assert got.body == EVENT * NUMBER + END
        wire.writer.write(LIVE)
        assert (await wire.answer()).status == 200


@pytest.mark.parametrize("way", ASKED)
async def test_a_caller_who_reads_nothing_is_cut_and_its_service_let_go(way: str) -> None:
    source = Source()
    timeouts = ServerTimeouts(stall=0.05, heartbeat=0.01, grace=0)
    async with (
        serve(source) as service,
        running_gateway(configured(service.url), timeouts=timeouts) as url,
        narrow(url) as wire,
    ):
        wire.writer.write(ASKED[way])
        await source.left.wait()
        with suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
            assert not (await wire.answer()).clean


LONG = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"%b"}}]}' % (b"x" * 12_000_000)


async def at_length(exchange: Exchange) -> None:
    """A service with a long answer, whole."""
    await exchange.reply(headers={"content-type": "application/json"}, body=LONG)


@pytest.mark.parametrize("last", [True, False])
async def test_a_caller_who_reads_a_little_at_a_time_is_not_cut(last: bool) -> None:
    asked = post(chat_body("hi", "up/m"), "/v1/chat/completions", *([b"Connection: close"] if last else []))
    timeouts = ServerTimeouts(stall=0.4, heartbeat=0.02, idle=0.1, grace=0)
    got = b""
    async with (
        serve(at_length) as service,
        running_gateway(configured(service.url), timeouts=timeouts) as url,
        narrow(url) as wire,
    ):
        wire.writer.write(asked)
        assert await wire.head() == 200
        while len(got) < len(LONG):
            await asyncio.sleep(0.03)
            got += await wire.reader.readexactly(min(400_000, len(LONG) - len(got)))
        assert await closing(wire) == b""
    assert got == LONG


@pytest.mark.parametrize("last", [True, False])
async def test_a_caller_who_never_reads_its_whole_answer_is_cut(last: bool) -> None:
    asked = post(chat_body("hi", "up/m"), "/v1/chat/completions", *([b"Connection: close"] if last else []))
    timeouts = ServerTimeouts(stall=0.05, idle=0.01, grace=30)
    async with (
        serve(at_length) as service,
        running(configured(service.url), timeouts=timeouts) as up,
        narrow(up.url) as wire,
    ):
        wire.writer.write(asked)
        assert await wire.head() == 200
        up.server.stop()
        # It ends although its grace, which outlasts this test, is not over: nobody is left.


async def test_a_connection_is_idle_once_its_long_answer_is_read() -> None:
    timeouts = ServerTimeouts(stall=10_000, idle=0.02, grace=0)
    async with (
        serve(at_length) as service,
        running_gateway(configured(service.url), timeouts=timeouts) as url,
        narrow(url) as wire,
    ):
        wire.writer.write(post(chat_body("hi", "up/m")))
        assert (await wire.answer()).body == LONG
        assert await closing(wire) == b""


async def test_a_caller_who_asks_on_without_reading_is_not_heard() -> None:
    asks = (b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: %b\r\n\r\n" % (b"x" * 64)) * 1000
    most = 200
    async with running_gateway() as url, narrow(url) as wire:
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < most:
                wire.writer.write(asks)
                sent += 1
                async with asyncio.timeout(0.3):
                    await wire.writer.drain()
        for _ in range(sent * 1000):
            assert await wire.head() == 404
            await wire.reader.readexactly(int(wire.headers["content-length"]))
        wire.writer.write(LIVE)
        assert (await wire.answer()).status == 200


async def test_thousands_of_offers_of_other_protocols_in_one_write_are_all_answered() -> None:
    asks = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n"
    async with running_gateway() as url, narrow(url) as wire:
        wire.writer.write(asks * 3000 + LIVE)
        for _ in range(3000):
            assert (await wire.answer()).status == 404
        assert (await wire.answer()).status == 200


LEAVINGS = {
    "before anything": b"",
    "within the head": RELAYED[:30],
    "before the body": RELAYED[: RELAYED.index(b"\r\n\r\n") + 4],
    "within the body": RELAYED[:-1],
    "within a refused body": RELAYED[:-1].replace(b"/v1/chat/completions", b"/nothing"),
    "after an answer": LIVE,
}


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("when", LEAVINGS)
async def test_a_caller_who_leaves_while_it_asks_reaches_nobody(when: str, reset: bool) -> None:
    async def upstream(exchange: Exchange) -> None:
        raise AssertionError(exchange.request)

    async with (
        serve(upstream) as service,
        running_gateway(configured(service.url), timeouts=ServerTimeouts(grace=30)) as url,
        narrow(url) as wire,
    ):
        wire.writer.write(LEAVINGS[when])
        await turns()
        if not reset:
            wire.writer.close()
            await wire.writer.wait_closed()
        # The gateway stops at once, for nobody is left: its grace would outlast this test.


async def test_a_caller_who_leaves_takes_its_queue_with_it() -> None:
    asked: list[Exchange] = []
    reached, left = asyncio.Event(), asyncio.Event()

    async def upstream(exchange: Exchange) -> None:
        asked.append(exchange)
        reached.set()
        await exchange.closed()
        left.set()

    async with serve(upstream) as service, running_gateway(configured(service.url)) as url:
        async with narrow(url) as wire:
            wire.writer.write(RELAYED * 3)
            await reached.wait()
        await left.wait()
        await turns()
    assert len(asked) == 1


async def test_a_heartbeat_reaches_a_caller_between_pieces_and_not_one_who_does_not_read() -> None:
    go = asyncio.Event()

    async def upstream(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await exchange.chunk(EVENT.replace(PIECE, b"a"))
        await go.wait()
        await exchange.chunk(END)
        await exchange.end()

    timeouts = ServerTimeouts(heartbeat=0.01, grace=0)
    async with (
        serve(upstream) as service,
        running_gateway(configured(service.url), timeouts=timeouts) as url,
        narrow(url) as wire,
    ):
        wire.writer.write(RELAYED)
        assert await wire.head() == 200
        first = await wire.chunk()
        beats = [await wire.chunk(), await wire.chunk()]
        go.set()
        rest = b""
        while chunk := await wire.chunk():
            rest += chunk
        wire.writer.write(LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert [got.status for got in await answers(wire)] == [200]
    assert first.startswith(b"data: ")
    assert all(beat.startswith(b":") and beat.endswith(b"\n\n") for beat in beats)
    assert rest.endswith(END)
