"""A service that thinks for minutes, behind a proxy that cuts what is silent for one: the answer arrives whole.

The times are scaled: 20 ms stand for the 15 seconds between two heartbeats, 500 ms for the minute (or more) after
which the proxy cuts, and 30 heartbeats for the minutes of silence.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec import Struct
from websockets.asyncio.client import connect as connect_socket

from dragoman.config import Config, FrontConfig, GatewayConfig, ModelConfig, ProviderConfig, TimeoutsConfig
from dragoman.gateway import ServerTimeouts
from dragoman.protocols.webchat.cromicle import digest
from tests.agents import hear_chat, hear_gemini, hear_messages, hear_responses
from tests.matrix.cells import VENDORS
from tests.matrix.dialects import SERVICES
from tests.matrix.exchange import Reply, Seen
from tests.matrix.scenes import Answer, Say
from tests.support.gateway import connect, running
from tests.support.idle_proxy import idle_proxy
from tests.support.server import Exchange, serve

SOON = ServerTimeouts(grace=0, heartbeat=0.02, head_after=0.02)
IDLE = 0.5
BEATS = 30
TEXT = ("Hello, ", "world.")
TURN = [{"role": "user", "content": "hi"}]
PATIENT = TimeoutsConfig(connect=None, first_byte=None, first_token=None, idle=None, total=None)


class Front(Struct, frozen=True):
    """Where a front is asked, and how its answer and its heartbeats are told apart."""

    dialect: str
    path: str
    body: dict[str, Any]
    beats: Callable[[bytes], int]
    """How many heartbeats there are in a beginning of the answer."""
    text: Callable[[bytes], str]
    socket: bool = False


def ollama_text(body: bytes) -> str:
    lines = [json.loads(line) for line in body.split(b"\n") if line.strip()]
    assert lines[-1]["done"]
    return "".join(line["message"]["content"] for line in lines)


def site_text(body: bytes) -> str:
    return "".join(json.loads(line)["data"]["message"] for line in body.split(b"\n") if line.strip())


def blank_lines(body: bytes) -> int:
    """How many lines, or rows of them, hold nothing, beyond those that end an event."""
    return body.replace(b"\r", b"").replace(b"}\n\n", b"}").count(b"\n")


RESPONSES = ("openai-responses", "/v1/responses", {"input": "hi", "stream": True})
KEEPALIVE = b'"type":"keepalive"'
FRONTS = {
    "chat": Front(
        "openai-chat",
        "/v1/chat/completions",
        {"messages": TURN, "stream": True},
        lambda body: body.count(b": ping\n"),
        lambda body: hear_chat.hear(body, empty="").text,
    ),
    "responses": Front(*RESPONSES, lambda body: body.count(KEEPALIVE), lambda body: hear_responses.hear(body).text),
    "responses over a websocket": Front(
        *RESPONSES, lambda body: body.count(KEEPALIVE), lambda body: hear_responses.hear(body).text, socket=True
    ),
    "messages": Front(
        "anthropic",
        "/v1/messages",
        {"messages": TURN, "max_tokens": 9, "stream": True},
        lambda body: body.count(b"event: ping\n"),
        lambda body: hear_messages.hear(body).text,
    ),
    "gemini": Front(
        "gemini",
        "/v1beta/models/$model:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        blank_lines,
        lambda body: hear_gemini.hear(body, names=False, thoughts=True).text,
    ),
    "ollama": Front("ollama", "/api/chat", {"messages": TURN}, lambda body: body.count(b"  "), ollama_text),
    "aichatonline": Front(
        "", "/aichatonline/aichatonline/api/chat/gpt", {"conversationId": "c", "prompt": "hi"}, blank_lines, site_text
    ),
}
SILENCES = ("before the first token", "in mid-stream", "before another target answers")


class Thinker:
    """A service that says nothing until the caller has had its heartbeats. `fails`: and then nothing but a 503."""

    def __init__(self, reply: Reply, first: int, *, fails: bool) -> None:
        self.go = asyncio.Event()
        self._reply = reply
        self._first = first
        self._fails = fails

    async def __call__(self, exchange: Exchange) -> None:
        reply, first = self._reply, self._first
        if first:
            await exchange.head(headers=reply.headers)
        for piece in reply.pieces[:first]:
            await exchange.chunk(piece)
        if not self.go.is_set():
            await self.go.wait()
            if self._fails:
                await exchange.reply(503, {"content-type": "application/json"}, b'{"error":{"message":"Busy."}}')
                return
        if not first:
            await exchange.head(headers=reply.headers)
        for piece in reply.pieces[first:]:
            await exchange.chunk(piece)
        await exchange.end()


async def over_http(url: str, body: bytes, path: str, beaten: Callable[[bytes], None]) -> bytes:
    """The whole answer, through a proxy; `beaten` is shown each beginning of it."""
    got = b""
    async with connect(url) as wire:
        wire.send("POST", path, {"content-type": "application/json", "UniqueId": "token"}, body)
        assert await wire.head() == 200
        while piece := await wire.chunk():
            got += piece
            beaten(got)
    return got


async def over_websocket(url: str, body: bytes, path: str, beaten: Callable[[bytes], None]) -> bytes:
    """The same over a WebSocket: each message as an event."""
    got = b""
    async with connect_socket(url.replace("http", "ws") + path, proxy=None, ping_interval=None) as socket:
        await socket.send(json.dumps({"type": "response.create"} | json.loads(body)))
        while b"response.completed" not in got:
            message = json.loads(await socket.recv())
            got += f"event: {message['type']}\ndata: {json.dumps(message, separators=(',', ':'))}\n\n".encode()
            beaten(got)
    return got


async def one(front: Front, service: str, silence: str) -> None:
    """One answer, with a silence in it."""
    pieces = SERVICES[service].write(Answer(tuple(map(Say, TEXT))), Seen("m", stream=True))
    first = 0 if silence != "in mid-stream" else 1 + next(i for i, each in enumerate(pieces.pieces) if b"Hel" in each)
    thinker = Thinker(pieces, first, fails=silence == "before another target answers")
    async with serve(thinker) as up:
        provider = ProviderConfig(
            type=VENDORS.get(service, service), url=f"{up.url}{SERVICES[service].base}", api_key="k", timeouts=PATIENT
        )
        config = Config(
            gateway=GatewayConfig(port=0),
            providers={"up": provider},
            models={"think": ModelConfig(targets=("up/m", "up/other"))},
            fronts={"aichatonline": FrontConfig(model="think")},
        )
        async with running(config, timeouts=SOON) as gateway, idle_proxy(gateway.url, IDLE) as proxy:

            def beaten(got: bytes) -> None:
                if front.beats(got) >= BEATS:
                    thinker.go.set()

            ask: Callable[..., Awaitable[bytes]] = over_websocket if front.socket else over_http
            body = json.dumps(front.body if front.path.startswith("/aichat") else {"model": "think"} | front.body)
            got = await ask(proxy.url, body.encode(), front.path.replace("$model", "think"), beaten)
        assert proxy.cut == 0
        assert thinker.go.is_set()
        assert front.text(got) == "".join(TEXT)
        assert len(up.requests) == (2 if silence == "before another target answers" else 1)


@pytest.mark.parametrize("name", FRONTS)
async def test_an_answer_with_a_long_silence_in_it_arrives_whole_through_a_proxy_that_cuts(name: str) -> None:
    front = FRONTS[name]
    other = "anthropic" if front.dialect != "anthropic" else "openai-chat"
    services = [each for each in (front.dialect, other) if each]
    await asyncio.gather(*(one(front, service, silence) for service in services for silence in SILENCES))


async def test_the_proxy_cuts_what_is_silent() -> None:
    """Else the test above would show nothing."""

    async def silent(exchange: Exchange) -> None:
        await exchange.closed()

    async with serve(silent) as up, idle_proxy(up.url, 0.05) as proxy, connect(proxy.url) as wire:
        wire.send("GET", "/")
        assert await wire.reader.read() == b""
        assert proxy.cut == 1


async def test_a_websocket_on_which_nobody_asks_for_minutes_is_held_by_pings() -> None:
    async with running(timeouts=SOON) as gateway, idle_proxy(gateway.url, IDLE) as proxy:
        url = f"{proxy.url.replace('http', 'ws')}/v1/responses"
        asked = json.dumps({"type": "response.create", "model": "offline/script", "input": "text: a"})
        async with connect_socket(url, proxy=None, ping_interval=None) as socket:
            for _ in range(2):
                await asyncio.sleep(2 * IDLE)  # the silence itself
                await socket.send(asked)
                while json.loads(await socket.recv())["type"] != "response.completed":
                    continue
        assert proxy.cut == 0


async def test_bare_text_has_no_heartbeat_and_is_cut() -> None:
    """Each byte would be a part of the answer; the documentation says so."""
    pieces = SERVICES["openai-chat"].write(Answer(tuple(map(Say, TEXT))), Seen("m", stream=True)).pieces
    begun = 1 + next(i for i, each in enumerate(pieces) if b"Hel" in each)

    async def play(exchange: Exchange) -> None:
        await exchange.head(headers={"content-type": "text/event-stream"})
        for piece in pieces[:begun]:
            await exchange.chunk(piece)
        await exchange.closed()

    async with serve(play) as up:
        provider = ProviderConfig(protocol="openai-chat", url=up.url, api_key="k", timeouts=PATIENT)
        config = Config(gateway=GatewayConfig(port=0, default_model="up/m"), providers={"up": provider})
        async with (
            running(config, timeouts=SOON) as gateway,
            idle_proxy(gateway.url, 5 * SOON.heartbeat) as proxy,
            connect(proxy.url) as wire,
        ):
            asked = {"message": "hi", "token": "abc", "hash": digest("hi")}
            wire.send("POST", "/cromicle/chat", {"content-type": "application/json"}, json.dumps(asked).encode())
            assert await wire.head() == 200
            got = await wire.rest(200)
            assert (got.body, got.clean, proxy.cut) == (b"Hel", False, 1)
