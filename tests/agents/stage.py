"""A gateway with a scripted service of one dialect behind it, and an agent before it."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct, field

from dragoman.config import Config, GatewayConfig, ProfileConfig, ProviderConfig, TimeoutsConfig
from dragoman.types import Outcome
from tests.agents.contract import Contract
from tests.matrix.cells import VENDORS
from tests.matrix.dialects import SERVICES
from tests.matrix.exchange import Seen, dumped, give
from tests.matrix.scenes import Answer, Json
from tests.support.gateway import Got, ask, running
from tests.support.server import Exchange, ReceivedRequest, serve

MODEL = "m-1"
JSON = {"Content-Type": "application/json"}


class Stage(Struct):
    """What a test sees of the service and of the gateway."""

    url: str
    dialect: str
    requests: list[ReceivedRequest] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    """The requests as the service understood them; relayed ones are not read."""
    refused: list[str] = field(default_factory=list)
    """Why the service would have answered 400."""
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def model(self) -> str:
        """The model as callers name it."""
        return f"{self.dialect}/{MODEL}"


def config(url: str, dialect: str, timeouts: TimeoutsConfig | None = None) -> Config:
    """A gateway before one service."""
    provider = ProviderConfig(
        type=VENDORS.get(dialect, dialect),
        url=f"{url}{SERVICES[dialect].base}",
        api_key="key-of-service",
        timeouts=timeouts or TimeoutsConfig(connect=None, first_byte=None, first_token=None, idle=None),
    )
    return Config(
        gateway=GatewayConfig(port=0, api_keys=("key-of-caller",)),
        providers={dialect: provider},
        profiles={f"{MODEL}*": ProfileConfig(reasoning_returns=True)},
    )


@asynccontextmanager
async def stage(front: str, dialect: str, answers: Sequence[Answer]) -> AsyncIterator[Stage]:
    """A service that gives these answers, one after another, to requests of `front`."""
    shown = Stage("", dialect)

    async def play(exchange: Exchange) -> None:
        request = exchange.request
        answer = answers[len(shown.requests)]
        shown.requests.append(request)
        try:
            seen = _relayed(request) if front == dialect else SERVICES[dialect].read(request)
        except (AssertionError, LookupError, TypeError, ValueError) as error:
            shown.refused.append(f"{type(error).__name__}: {error}")
            await exchange.reply(400, {}, b'{"error": {"message": "the service takes no such request"}}')
            return
        shown.seen.append(seen)
        await give(exchange, SERVICES[dialect].write(answer, seen))

    async with (
        serve(play) as service,
        running(config(service.url, dialect), observers=[shown.outcomes.append]) as up,
    ):
        shown.url = up.url
        yield shown


def _relayed(request: ReceivedRequest) -> Seen:
    """What the vendor's own service needs to know to answer."""
    body = json.loads(request.body)
    freeform = tuple(tool["name"] for tool in body.get("tools", ()) if tool.get("type") == "custom")
    return Seen(MODEL, body.get("stream", "streamGenerateContent" in request.path), freeform=freeform)


async def post(up: Stage, agent: Contract, path: str, body: Json) -> Got:
    """What the agent gets for this body."""
    return await ask(up.url, "POST", path, agent.headers | JSON, dumped(body).encode())
