"""What tests of resumed streams share: fronts whose events have ids, and a service that speaks when a test lets it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.types import Outcome
from dragoman.wire import json
from dragoman.wire.sse import SseReader, blank_line
from tests.support.gateway import CallerConnection, Got, ask
from tests.support.golden import cases
from tests.support.relaying import EVENTS
from tests.support.server import Exchange, Server, serve

ID = re.compile(rb"^id: (\S+)\n", re.MULTILINE)


class Front(Struct, frozen=True):
    """A dialect with server-sent events: where it is asked, for what, and what its service answers."""

    path: str
    body: dict[str, Any]
    marked: bool = True
    """Whether its events have ids."""

    @property
    def asked(self) -> bytes:
        return json.encode(self.body)


TURN = [{"role": "user", "content": "hi"}]
FRONTS = {
    "openai-chat": Front("/v1/chat/completions", {"model": "up/m", "stream": True, "messages": TURN}),
    "openai-responses": Front("/v1/responses", {"model": "up/m", "stream": True, "input": "hi"}),
    "anthropic": Front("/v1/messages", {"model": "up/m", "stream": True, "max_tokens": 9, "messages": TURN}),
    "gemini": Front(
        "/v1beta/models/up/m:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        marked=False,
    ),
}


def pieces_of(body: bytes) -> list[bytes]:
    """The events of a stream, as bytes."""
    out, at = [], 0
    while (end := blank_line(body, at)) > 0:
        out.append(body[at:end])
        at = end
    return out


def events_of(body: bytes) -> list[tuple[bytes, bytes]]:
    """What a caller that keeps to the standard makes of the beginning of a stream: half an event is none."""
    return [(event.event, event.data) for event in SseReader().feed(body)]


class ResumedStream(Struct):
    """A service that says its answer event by event, as a test lets it; and what a gateway before it is told to do."""

    front: Front
    pieces: list[bytes]
    service: Server
    config: Config
    outcomes: "asyncio.Queue[Outcome]"
    go: asyncio.Semaphore
    """Released once for each event that may be said."""
    url: str = ""
    """That of the gateway, once it runs."""

    @property
    def first_content(self) -> int:
        """The number of the service's first event with content."""
        return next(at for at, piece in enumerate(self.pieces, 1) if b"Hel" in piece)

    def say(self, number: int | None = None) -> None:
        """The service may say so many more events; None: all."""
        for _ in range(len(self.pieces) if number is None else number):
            self.go.release()

    async def first(self, wire: CallerConnection, headers: dict[str, str] | None = None) -> str:
        """Asks, and returns the name of the stream once its head is here."""
        wire.send("POST", self.front.path, headers, self.front.asked)
        assert await wire.head() == 200
        return wire.headers["x-dragoman-stream"]

    async def resumed(self, last: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Got:
        """What comes after the event with the id `last`."""
        asked = self.front.asked if body is None else body
        return await ask(self.url, "POST", self.front.path, {"Last-Event-ID": last} | (headers or {}), asked)


@asynccontextmanager
async def stream_of(
    dialect: str, case: str = "text", pieces: list[bytes] | None = None, **settings: Any
) -> AsyncIterator[ResumedStream]:
    """The stream of a golden answer, or of these `pieces`. `settings`: more of `[gateway]`."""
    said = pieces_of(cases(dialect)[case].reply) if pieces is None else pieces
    go = asyncio.Semaphore(0)

    async def play(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        for piece in said:
            await go.acquire()
            await exchange.chunk(piece)
        await exchange.end()

    async with serve(play) as service:
        gateway = GatewayConfig(port=0, **({"resume": 30.0} | settings))
        up = ProviderConfig(protocol=dialect, url=service.url, api_key="canary")
        config = Config(gateway=gateway, providers={"up": up})
        yield ResumedStream(FRONTS[dialect], said, service, config, asyncio.Queue(), go)


async def read_events(wire: CallerConnection, number: int) -> bytes:
    """The beginning of a stream, with at least `number` events."""
    got = b""
    while len(events_of(got)) < number:
        got += await wire.chunk()
    return got


def long_answer(number: int) -> list[bytes]:
    """The pieces of a stream of Chat with so many texts of 1,000 characters."""
    text = "x" * 1000
    chunk = json.encode({"choices": [{"index": 0, "delta": {"content": text}}]})
    end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    return [b"data: %b\n\n" % chunk] * number + [end, b"data: [DONE]\n\n"]
