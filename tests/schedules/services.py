"""A service of each dialect that answers as its golden answers do, in several reads; what must be true afterwards."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.config.routes import RetryConfig
from dragoman.routing.candidate import Candidate
from dragoman.routing.route import Route
from dragoman.transport.native import NativeTransport
from dragoman.transport.selector import Transports
from tests.support.golden import cases
from tests.support.raw import turns
from tests.support.readings import RELAYED
from tests.support.server import Exchange, Server, serve

LONG, SOON = 1_000, 200
"""Turns of the loop after which everything has ended; after SOON of them, each is given the system's time too."""
STREAMS = {"ollama": "application/x-ndjson"}
PIECES = 3

ANSWERS = {(name, form): cases(name)[form].reply for name in RELAYED for form in ("text", "whole")}
TOOL = cases("openai-chat")["tool"].reply
VECTORS = b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,1.0]}],"model":"m"}'


def asks_stream(exchange: Exchange) -> bool:
    """Whether a request asks for a stream."""
    return b'"stream":true' in exchange.request.body or "streamGenerate" in exchange.request.path


def protocol_of(exchange: Exchange) -> str:
    """The first step of the path names the dialect."""
    return exchange.request.path.split("/")[1]


class GoldenService:
    """Answers in the dialect that the path names; `dead` fails before it, `called` calls a function first."""

    def __init__(self) -> None:
        self.flows = asyncio.Event()
        """While it is not set, no byte is sent: then only who asks can end an answer."""
        self.flows.set()

    async def __call__(self, exchange: Exchange) -> None:
        name = protocol_of(exchange)
        stream = asks_stream(exchange)
        streamed = STREAMS.get(name, "text/event-stream")
        await self.flows.wait()
        if name == "dead":
            await exchange.reply(503, {"content-type": "application/json"}, b'{"error":{"message":"overloaded"}}')
        elif "embeddings" in exchange.request.path:
            await self._answer(exchange, VECTORS, "application/json")
        elif name == "called":
            told = b'"role":"tool"' in exchange.request.body
            await self._answer(exchange, ANSWERS["openai-chat", "text"] if told else TOOL, streamed)
        else:
            form = "text" if stream else "whole"
            await self._answer(exchange, ANSWERS[name, form], streamed if stream else "application/json")

    async def _answer(self, exchange: Exchange, body: bytes, media_type: str) -> None:
        """The head, and the body in some reads."""
        await exchange.head(headers={"content-type": media_type})
        size = len(body) // PIECES + 1
        for at in range(0, len(body), size):
            await turns(2)
            await self.flows.wait()
            await exchange.chunk(body[at : at + size])
        await self.flows.wait()
        await exchange.end()


class World(Struct):
    """A client of the services, and what it is made of."""

    client: Client
    transport: NativeTransport
    service: Server
    golden: GoldenService
    complaints: list[dict[str, Any]]
    """What the loop's exception handler was told."""

    async def check_left(self) -> None:
        """The same, while the service sends nothing more: what is under way must have been ended from here."""
        self.golden.flows.clear()
        await self.check_clean()
        self.golden.flows.set()

    async def check_clean(self) -> None:
        """Whether nothing is left of any request: every connection is closed, or idle in the pool."""
        for turn in range(LONG):
            stats = self.transport.stats()
            alive = [each for each in self.service.connections if not each.gone.is_set()]
            if not stats.active and not stats.waiting and len(alive) == stats.idle:
                break
            await asyncio.sleep(0 if turn < SOON else 0.005)
        else:
            raise AssertionError(f"{stats}, and {len(alive)} connections of the service")
        assert [each.in_flight for each in self.candidates()] == [0] * len(self.candidates())
        assert not self.complaints, self.complaints

    def candidates(self) -> list[Candidate]:
        """Those of the route."""
        plan = self.client.plan("route")
        assert isinstance(plan, Route)
        return [each for each in plan.members if isinstance(each, Candidate)]


def config_of(url: str) -> Config:
    """A provider for each dialect, one that is dead, one that calls functions, and a route that falls back."""
    names = {name: name for name in RELAYED} | {"dead": "openai-chat", "called": "openai-chat"}
    providers = {
        name: ProviderConfig(protocol=protocol, url=f"{url}/{name}", api_key="key") for name, protocol in names.items()
    }
    route = ModelConfig(targets=("dead/m", "dead/n", "openai-chat/m"), retry=RetryConfig(attempts=1, calls=3))
    gateway = GatewayConfig(port=0, breaker_failures=0)
    return Config(gateway=gateway, providers=providers, models={"route": route})


@asynccontextmanager
async def world(connections: int = 16) -> AsyncIterator[World]:
    """The services and a client of theirs, whose pool has so many connections; nobody may complain in the end."""
    loop = asyncio.get_running_loop()
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, said: complaints.append(said))
    transport = NativeTransport(connections)
    golden = GoldenService()
    async with serve(golden) as service, Client(config_of(service.url), transport=Transports(transport)) as client:
        yield World(client, transport, service, golden, complaints)
    gc.collect()  # what nobody has looked at complains when it is freed
    await turns()
    loop.set_exception_handler(None)
    assert not complaints, complaints
