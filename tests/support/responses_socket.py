"""A gateway that is called over WebSockets of `/v1/responses`, and what its callers say and hear."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.gateway import ServerTimeouts
from dragoman.types import Outcome
from tests.support.gateway import Running, running
from tests.support.golden import cases
from tests.support.server import Exchange, Server, serve

ANSWER = cases("openai-responses")["text"].reply
CHAT = cases("openai-chat")["text"].reply
EVENTS, JSON = {"content-type": "text/event-stream"}, {"content-type": "application/json"}
PATH = "/v1/responses"
USER = '{"type":"message", "role":"user", "content":"%s"}'
"""With a space that no encoder of ours writes: what is passed on must keep it."""

ENDS = {"response.completed", "response.incomplete", "response.failed", "error"}

Script = Callable[[Exchange], Awaitable[None]]


def streams(answer: bytes, *, end: bool = True) -> Script:
    async def script(exchange: Exchange) -> None:
        await exchange.head(200, EVENTS)
        await exchange.chunk(answer)
        if end:
            await exchange.end()

    return script


@asynccontextmanager
async def gateway(script: Script, **settings: Any) -> AsyncIterator[tuple[Running, Server, list[Outcome]]]:
    """A gateway in front of a service of this protocol, and of one of Chat's at the same place."""
    outcomes: list[Outcome] = []
    async with serve(script) as up:
        providers = {
            "up": ProviderConfig(protocol="openai-responses", url=f"{up.url}/v1", api_key="canary"),
            "chat": ProviderConfig(protocol="openai-chat", url=f"{up.url}/v1", api_key="canary"),
        }
        config = Config(gateway=GatewayConfig(port=0, default_model="up/m", **settings), providers=providers)
        async with running(config, timeouts=ServerTimeouts(grace=5), observers=(outcomes.append,)) as run:
            yield run, up, outcomes


def socket(run: Running, **headers: str) -> connect:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return connect(run.url.replace("http", "ws") + PATH, additional_headers=fields, proxy=None)


async def say(caller: ClientConnection, items: str, **more: object) -> list[dict[str, Any]]:
    """The messages that answer one of the caller's; `items`: the JSON of its input."""
    fields = "".join(f', "{name}": {json.dumps(value)}' for name, value in more.items())
    await caller.send(f'{{"type": "response.create", "input": {items}{fields}}}')
    return await heard(caller)


async def heard(caller: ClientConnection) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    while not said or said[-1]["type"] not in ENDS:
        said.append(json.loads(await caller.recv()))
    return said


async def ended(caller: ClientConnection) -> str:
    """The lane of the answer that ends next."""
    while (event := json.loads(await caller.recv()))["type"] != "response.completed":
        pass
    lane: str = event["stream_id"]
    return lane
