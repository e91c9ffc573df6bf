"""One service behind two gateways, one that relays and one that translates: what a caller gets of each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct
from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig, TimeoutsConfig
from dragoman.gateway import ServerTimeouts
from dragoman.protocols.openai_chat.decode_stream import ReplyDecoder
from dragoman.routing.plan import Plan
from dragoman.types import (
    ChatRequest,
    FinishReason,
    PartDelta,
    PartStart,
    Reasoning,
    Refusal,
    ResponseEnd,
    StreamEvent,
    Text,
    ToolCall,
    Usage,
    user,
)
from dragoman.wire import json
from dragoman.wire.sse import SseReader
from tests.support.asgi import under_uvicorn
from tests.support.gateway import Got, connect, running_gateway
from tests.support.server import Exchange, Server, serve

KEY = "canary-of-the-service"
PATH = "/v1/chat/completions"
EVENTS = {"content-type": "text/event-stream"}
ASKED = ChatRequest(model="m", messages=(user("hi"),))
JSON = {"content-type": "application/json"}
DONE = b"[DONE]"
GATEWAY = GatewayConfig(port=0, default_model="up/m")
UP = ProviderConfig(protocol="openai-chat")

Script = Callable[[Exchange], Awaitable[None]]
"""How the service answers one request."""


class CallerView(Struct, frozen=True):
    """What a caller understands of an answer."""

    status: int
    clean: bool
    """Whether the transfer ended well."""
    marked: bool
    """Whether the protocol's own mark says that the answer is complete."""
    parts: tuple[tuple[str, str], ...] = ()
    usage: Usage | None = None
    finish_reason: FinishReason | None = None
    error: tuple[str, str] | None = None
    """Its type and code."""
    retry_after: str | None = None


def configured(
    url: str,
    *targets: str,
    timeouts: TimeoutsConfig | None = None,
    key: str = KEY,
    gateway: GatewayConfig = GATEWAY,
    up: ProviderConfig = UP,
) -> Config:
    """A provider `up` at `url` and, where there are `targets`, a route `route` to them."""
    up = replace(up, url=url, api_key=key, timeouts=timeouts or TimeoutsConfig())
    down = ProviderConfig(protocol="openai-chat", url="http://127.0.0.1:9", api_key="other")
    models = {"route": ModelConfig(targets=targets)} if targets else {}
    return Config(
        gateway=gateway,
        providers={"up": up, "down": down},
        models=models,
    )


class Translating(Client):
    """A client that relays nothing."""

    def plan(self, model: str) -> Plan:
        plan = super().plan(model)
        for target in plan.targets:
            setattr(target, "relay", lambda protocol, request=None: None)  # noqa: B010  # a method, as mypy sees it
        return plan


class Paths(Struct):
    """Both gateways, and the service, whose `script` a test sets. `asgi`: the translating one under another server."""

    relay: str
    translate: str
    service: Server
    script: list[Script]
    asgi: str = ""

    async def compare(self, script: Script, *, stream: bool, model: str = "up/m", **more: object) -> CallerView:
        """What all say, which is the same."""
        self.script[:] = [script]
        body = question(model, stream=stream, **more)
        urls = filter(None, (self.relay, self.translate, self.asgi))
        said = [understood(await post(url, body), stream=stream) for url in urls]
        assert said.count(said[0]) == len(said), "\n".join(["", *map(str, said)])
        return said[0]


@asynccontextmanager
async def both_paths(
    *targets: str,
    timeouts: TimeoutsConfig | None = None,
    server_timeouts: ServerTimeouts | None = None,
    gateway: GatewayConfig = GATEWAY,
    up: ProviderConfig = UP,
) -> AsyncIterator[Paths]:
    """Both gateways in front of one service."""
    script: list[Script] = []

    async def handler(exchange: Exchange) -> None:
        await script[0](exchange)

    async with serve(handler) as service:
        config = configured(service.url, *targets, timeouts=timeouts, gateway=gateway, up=up)
        async with (
            running_gateway(config, timeouts=server_timeouts) as relay,
            running_gateway(config, client=Translating(config), timeouts=server_timeouts) as translate,
        ):
            yield Paths(relay, translate, service, script)


@asynccontextmanager
async def all_paths(
    *targets: str,
    timeouts: TimeoutsConfig | None = None,
    server_timeouts: ServerTimeouts | None = None,
    gateway: GatewayConfig = GATEWAY,
    up: ProviderConfig = UP,
) -> AsyncIterator[Paths]:
    """The same, and the ASGI application too."""
    async with both_paths(*targets, timeouts=timeouts, server_timeouts=server_timeouts, gateway=gateway, up=up) as both:
        config = configured(both.service.url, *targets, timeouts=timeouts, gateway=gateway, up=up)
        async with under_uvicorn(config, timeouts=server_timeouts) as asgi:
            yield replace(both, asgi=asgi)


def question(model: str = "up/m", *, stream: bool, **more: object) -> bytes:
    """A request, which wants to be told the usage too."""
    options: dict[str, object] = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return json.encode({"model": model, "messages": [{"role": "user", "content": "hi"}]} | options | more)


async def post(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Got:
    """The whole answer, over a connection of its own."""
    async with connect(url) as wire:
        wire.send("POST", PATH, headers, body)
        return await wire.answer()


def understood(got: Got, *, stream: bool) -> CallerView:
    """What a caller who speaks the protocol makes of an answer."""
    retry = got.headers.get("retry-after")
    if got.status != 200:
        error = json.decode_event(got.body)["error"]
        return CallerView(got.status, got.clean, marked=False, error=(error["type"], error["code"]), retry_after=retry)
    assert got.headers["content-type"].startswith("text/event-stream" if stream else "application/json")
    marked = not stream or DONE in [event.data.strip() for event in SseReader().feed(got.body)]
    decoder = ReplyDecoder(request=ASKED)  # which gives calls without an id the same ones as a translation
    events = decoder.feed(got.body)
    if got.clean and decoder.error is None:
        events += decoder.finish()
    end = next((event for event in events if isinstance(event, ResponseEnd)), None)
    return CallerView(
        got.status,
        got.clean,
        marked,
        parts=parts(events),
        usage=end.usage if end else None,
        finish_reason=end.finish_reason if end else None,
        error=None if decoder.error is None else (decoder.error.type, decoder.error.code),
    )


def parts(events: Sequence[StreamEvent]) -> tuple[tuple[str, str], ...]:
    """What each part is, and its text."""
    found: list[tuple[str, str]] = []
    for event in events:
        match event:
            case PartStart(ToolCall(id=name, name=function, arguments=text)):
                found.append((f"{name} {function}", text))
            case PartStart(Text(text=text) | Reasoning(text=text) | Refusal(text=text)):
                found.append((type(event.part).__name__, text))
            case PartStart(part):
                found.append((type(part).__name__, ""))
            case PartDelta(text):
                found[-1] = (found[-1][0], found[-1][1] + text)
    return tuple(found)


async def turn() -> None:
    """Lets what was written arrive, so that the next piece is a read of its own."""
    for _ in range(3):
        await asyncio.sleep(0)
