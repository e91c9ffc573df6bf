"""An answer is whole once all of it was sent: until then it is under way, and of a caller that leaves it is `gone`."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.gateway import ServerTimeouts
from dragoman.gateway.http.caller_socket import RESET
from dragoman.gateway.http.connection import ServerConnection
from dragoman.types import Outcome
from dragoman.wire import json
from tests.gateway.http.test_pressure import narrow
from tests.support.gateway import CallerConnection, Running, chat_body, connect, running
from tests.support.raw import LIVE, closing, post
from tests.support.server import Exchange, serve
from tests.support.wires import Stage, Wire

SIZE = 12 << 20
"""Bytes of an answer's text: more than the sockets between us and a caller with small buffers hold."""

TEXT = b"x" * SIZE
WHOLE = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"%b"},"finish_reason":"stop"}]}' % TEXT
STREAM = (
    b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % TEXT
    + b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


async def upstream(exchange: Exchange) -> None:
    """A service that says all of its answer in one piece."""
    if b'"stream":true' not in exchange.request.body.replace(b" ", b""):
        await exchange.reply(headers={"content-type": "application/json"}, body=WHOLE)
        return
    await exchange.head(headers={"content-type": "text/event-stream"})
    await exchange.chunk(STREAM)
    await exchange.end()


TURN = [{"role": "user", "content": "hi"}]


def messages(*, stream: bool) -> bytes:
    """A question in Anthropic's protocol."""
    body = {"model": "up/m", "max_tokens": 9, "stream": stream, "messages": TURN}
    return post(json.encode(body), "/v1/messages")


def chat(*, stream: bool = False, **more: str) -> bytes:
    """A question in the service's own protocol, with `more` header fields."""
    fields = [f"{name}: {value}".encode() for name, value in more.items()]
    return post(chat_body("hi", "up/m", stream=stream), "/v1/chat/completions", *fields)


ASKED = {
    "relayed, whole": chat(),
    "relayed, a stream": chat(stream=True),
    "translated, whole": messages(stream=False),
    "translated, a stream": messages(stream=True),
    "the last of its connection": chat(connection="close"),
    "HTTP/1.0": chat(stream=True).replace(b"HTTP/1.1", b"HTTP/1.0"),
}


class Scene(Struct):
    """A gateway with a request log before such a service, and a caller who reads only if it is told to."""

    up: Running
    wire: CallerConnection
    outcomes: "asyncio.Queue[Outcome]"
    log: Path

    async def ask(self, asked: bytes, number: int = 1) -> None:
        """Returns once `number` answers have ended of which something waits."""
        self.wire.writer.write(asked)
        await self.unsent(number)

    async def unsent(self, number: int) -> None:
        while sum(len(each._sending or ()) for each in self.connections) != number:  # noqa: ASYNC110  # nobody else can see it
            await asyncio.sleep(0)

    @property
    def connections(self) -> list[ServerConnection[Any]]:
        return [each for each in self.up.server._connections if isinstance(each, ServerConnection)]

    async def read(self) -> bytes:
        """An answer, a little at a time; of one that its connection ends, all that comes."""
        if b"transfer-encoding" in (head := await self.wire.reader.readuntil(b"\r\n\r\n")):
            return (await self.wire.rest(200)).body
        length = re.search(rb"content-length: (\d+)", head)
        return await self.wire.reader.readexactly(int(length[1])) if length else await self.wire.reader.read()

    def reset(self) -> None:
        """The caller leaves."""
        made = self.wire.writer.get_extra_info("socket")
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.wire.writer.transport.abort()

    async def ends(self, number: int = 1) -> list[str]:
        """How the next answers ended."""
        return [(await self.outcomes.get()).end for _ in range(number)]

    def rows(self) -> list[str]:
        """How the answers in the log ended; to be asked once the gateway has."""
        return [json.decode_event(line)["end"] for line in self.log.read_bytes().splitlines()]


@asynccontextmanager
async def scene(
    path: Path, *, timeouts: ServerTimeouts | None = None, models: tuple[str, ...] = ("m",), **settings: Any
) -> AsyncIterator[Scene]:
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
    log = path / "requests.jsonl"
    async with serve(upstream) as service:
        gateway = GatewayConfig(port=0, request_log=str(log), **settings)
        provider = ProviderConfig(protocol="openai-chat", url=service.url, models=models)
        config = Config(gateway=gateway, providers={"up": provider})
        async with (
            running(config, timeouts=timeouts, observers=[outcomes.put_nowait]) as up,
            narrow(up.url) as wire,
        ):
            yield Scene(up, wire, outcomes, log)


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
async def test_a_caller_who_leaves_before_all_was_sent_is_gone(asked: bytes, tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        await on.ask(asked)
        assert on.outcomes.empty()
        on.reset()
        assert await on.ends() == ["gone"]
    assert on.rows() == ["gone"]


@pytest.mark.parametrize("asked", ASKED.values(), ids=list(ASKED))
async def test_a_caller_who_reads_slowly_gets_a_whole_answer(asked: bytes, tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        await on.ask(asked)
        assert on.outcomes.empty()
        assert len(await on.read()) > SIZE
        assert await on.ends() == ["whole"]
    assert on.rows() == ["whole"]


async def test_a_connection_that_closes_after_its_answer_closes_well(tmp_path: Path) -> None:
    for name in ("the last of its connection", "HTTP/1.0"):
        async with scene(tmp_path) as on:
            await on.ask(ASKED[name])
            assert (await on.wire.reader.read()).count(b"x") > SIZE  # and no reset follows


async def test_an_answer_that_only_its_connection_ends_is_reset_if_some_of_it_was_not_sent(tmp_path: Path) -> None:
    async with scene(tmp_path, timeouts=ServerTimeouts(stall=0.05, grace=0)) as on:
        await on.ask(ASKED["HTTP/1.0"])
        assert await on.ends() == ["gone"]
        with pytest.raises(ConnectionResetError):
            await on.wire.reader.read()


async def test_a_caller_who_never_reads_is_gone_when_it_is_cut(tmp_path: Path) -> None:
    async with scene(tmp_path, timeouts=ServerTimeouts(stall=0.05, grace=0)) as on:
        await on.ask(chat())
        assert await on.ends() == ["gone"]
    assert on.rows() == ["gone"]


async def test_a_connection_goes_on_after_an_answer_that_was_read_slowly(tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        for asked in (chat(), chat(stream=True)):
            await on.ask(asked)
            assert len((await on.wire.answer()).body) > SIZE
        on.wire.writer.write(LIVE)
        assert (await on.wire.answer()).status == 200
        assert await on.ends(3) == ["whole"] * 3
    assert on.rows() == ["whole"] * 3


@pytest.mark.parametrize("reads", [True, False])
async def test_each_of_several_answers_that_wait_is_told(reads: bool, tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        await on.ask(chat() + LIVE + LIVE, 3)
        assert on.up.gateway.under_way == 3
        if reads:
            for _ in range(3):
                assert (await on.wire.answer()).clean
        else:
            on.reset()
        assert await on.ends(3) == ["whole" if reads else "gone"] * 3
        assert on.up.gateway.under_way == 0
    assert len(on.rows()) == 3


async def test_not_a_byte_may_wait(tmp_path: Path) -> None:
    models = tuple(f"model-{number}-{'x' * 30}" for number in range(40))
    asked = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with scene(tmp_path, models=models) as on:
        count = 0
        while not any(each._sending for each in on.connections):
            on.wire.writer.write(asked)
            count += 1
            while on.outcomes.empty() and not any(each._sending for each in on.connections):  # noqa: ASYNC110  # the same
                await asyncio.sleep(0)
            while not on.outcomes.empty():
                assert on.outcomes.get_nowait().end == "whole"
        assert 0 < on.connections[0]._transport.get_write_buffer_size() < 8 << 10
        on.reset()
        assert await on.ends() == ["gone"]
    assert on.rows() == ["whole"] * (count - 1) + ["gone"]


# What else waits for the end of an answer.


@pytest.mark.parametrize("reads", [True, False])
async def test_it_is_under_way_for_the_limits(reads: bool, tmp_path: Path) -> None:
    async with scene(tmp_path, max_in_flight=1) as on, connect(on.up.url) as other:
        await on.ask(chat())
        other.writer.write(messages(stream=False))
        assert (await other.answer()).status == 529
        if reads:
            await on.wire.answer()
        else:
            on.reset()
        assert await on.ends(2) == ["whole", "whole" if reads else "gone"]
        other.writer.write(messages(stream=False))
        assert (await other.answer()).status == 200


@pytest.mark.parametrize("reads", [True, False])
async def test_a_gateway_that_was_replaced_closes_after_it(reads: bool, tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        await on.ask(chat())
        old = on.up.server.gateway
        new = old.successor(Client(replace(old.client.config, models={})))
        on.up.server.replace(new)
        await asyncio.sleep(0)
        assert len(on.up.server._retired) == 1
        if reads:
            await on.wire.answer()
        else:
            on.reset()
        assert await on.ends() == ["whole" if reads else "gone"]
        while on.up.server._retired or on.up.server._closing:  # noqa: ASYNC110  # nobody else can see it
            await asyncio.sleep(0)
    assert len(on.rows()) == 1


async def test_a_gateway_that_was_replaced_closes_after_a_refusal_too() -> None:
    stage = Stage("openai-chat")
    current = stage.server.current
    connection = ServerConnection(current, current.shared)
    caller = Wire(connection, asyncio.get_running_loop())
    connection.connection_made(caller)
    connection.pause_writing()
    caller.deliver(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
    stage.server.replace(stage.gateway.successor(Client(stage.gateway.client.config)))
    assert len(stage.server._retired) == 1
    connection.resume_writing()
    assert [each.end for each in stage.outcomes] == ["whole"]
    await asyncio.sleep(0)
    assert stage.server._retired == []
    await asyncio.wait(stage.server._closing)
    caller.lose()
    await stage.server.current.aclose()


@pytest.mark.parametrize("size", [10, 300_000])
async def test_what_begins_after_its_caller_has_left_is_not_under_way(size: int) -> None:
    stage = Stage("openai-chat")
    current = stage.server.current
    connection = ServerConnection(current, current.shared)
    caller = Wire(connection, asyncio.get_running_loop())
    connection.connection_made(caller)
    caller.deliver(post(chat_body("x" * size, "offline/echo")))
    caller.lose()
    assert current.tasks
    await asyncio.wait(current.tasks)
    assert stage.gateway.under_way == 0
    assert [each.end for each in stage.outcomes] == ["gone"]
    await stage.aclose()


async def test_a_stop_lets_it_be_read(tmp_path: Path) -> None:
    async with scene(tmp_path, timeouts=ServerTimeouts(grace=60)) as on:
        await on.ask(chat())
        on.up.server.stop()
        assert len((await on.wire.answer()).body) == len(WHOLE)
        assert await closing(on.wire) == b""
        assert await on.ends() == ["whole"]
    assert on.up.gateway.interrupted == 0


async def test_a_second_stop_cuts_it(tmp_path: Path) -> None:
    async with scene(tmp_path, timeouts=ServerTimeouts(grace=60)) as on:
        await on.ask(chat())
        on.up.server.stop()
        on.up.server.stop()
        assert await on.ends() == ["gone"]
    assert on.up.gateway.interrupted == 1
    assert on.rows() == ["gone"]


# Over a WebSocket.


@pytest.mark.parametrize("reads", [True, False])
async def test_an_answer_over_a_websocket_waits_too(reads: bool, tmp_path: Path) -> None:
    async with scene(tmp_path) as on:
        caller = ClientProtocol(parse_uri(on.up.url.replace("http", "ws") + "/v1/responses"), max_size=None)
        caller.send_request(caller.connect())
        on.wire.writer.writelines(caller.data_to_send())
        caller.receive_data(await on.wire.reader.readuntil(b"\r\n\r\n"))
        caller.send_text(json.encode({"type": "response.create", "model": "up/m", "input": "hi"}))
        for data in caller.data_to_send():
            await on.ask(data)
        assert on.outcomes.empty()
        if not reads:
            on.reset()
            assert await on.ends(2) == ["gone", "gone"]
            return
        while not any(
            b'"type":"response.completed"' in getattr(each, "data", b"") for each in caller.events_received()
        ):
            caller.receive_data(await on.wire.reader.read(1 << 16))
        assert await on.ends() == ["whole"]


# On the event loop that serves, too.


@pytest.mark.parametrize("reads", [True, False])
def test_it_is_the_same_on_uvloop(reads: bool, tmp_path: Path) -> None:
    uvloop = pytest.importorskip("uvloop")
    end = "whole" if reads else "gone"

    async def ended() -> None:
        async with scene(tmp_path) as on:
            for asked in (chat(), chat(stream=True), chat(connection="close")):
                await on.ask(asked)
                assert on.outcomes.empty()
                if not reads:
                    on.reset()
                    break
                assert len((await on.wire.answer()).body) > SIZE
                assert await on.ends() == [end]
            else:
                return
            assert await on.ends() == [end]

    uvloop.run(ended())
    assert {json.decode_event(line)["end"] for line in (tmp_path / "requests.jsonl").read_bytes().splitlines()} == {end}
