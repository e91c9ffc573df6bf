"""One cell of the matrix: a caller, a service, a scenario, as a stream or whole. How it is run, and what came of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct, field

from dragoman.config import Config, GatewayConfig, ProfileConfig, ProviderConfig, TimeoutsConfig
from dragoman.types import Outcome
from tests.matrix.dialects import CALLERS, SERVICES
from tests.matrix.exchange import Seen, give
from tests.matrix.hearing import Failed, Heard
from tests.matrix.scenes import Json, Scene
from tests.support.gateway import running
from tests.support.server import Exchange, ReceivedRequest, serve

Asker = Callable[[str, Json, bool], Awaitable[Json]]
"""A vendor's client: the caller's dialect, the request, whether a stream is wanted. Raises Failed."""

VENDORS = {"openai-chat": "openai", "openai-responses": "openairesponses"}
"""The classes of providers that know the vendor's own rules, if they are not named as the dialect."""

HASTY = 0.5
"""Seconds of silence after which a service counts as gone, in the cells of silence."""


class Cell(Struct, frozen=True):
    """What is tried."""

    caller: str
    service: str
    scene: Scene
    stream: bool

    @property
    def name(self) -> str:
        """What the service takes for its model: it finds the scenario by it."""
        return f"{self.scene.name.replace(' ', '-').lower()}-for-{self.caller}-{'streamed' if self.stream else 'whole'}"

    @property
    def model(self) -> str:
        """What the caller takes for the model."""
        return f"{'hasty-' if self.is_silent else ''}{self.service}/{self.name}"

    @property
    def is_silent(self) -> bool:
        """Whether the service falls silent."""
        return self.scene.answers[0].failure == "silence"


class Came(Struct):
    """What came of a cell: one of each for each request, as far as it went."""

    heard: list[Heard] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Why the service did not take a request."""


class Services:
    """All services in one server: each under its dialect's name, and each model is a cell."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.came = {(cell.service, cell.name): Came() for cell in cells}
        self._cells = {(cell.service, cell.name): cell for cell in cells}

    async def answer(self, exchange: Exchange) -> None:
        """Plays one request."""
        _, dialect, rest = exchange.request.path.split("/", 2)
        request = ReceivedRequest(exchange.request.method, f"/{rest}", exchange.request.headers, exchange.request.body)
        try:
            seen = SERVICES[dialect].read(request)
        except (AssertionError, LookupError, TypeError, ValueError) as error:
            name = next(
                name
                for service, name in self.came
                if service == dialect and name.encode() in request.body + request.path.encode()
            )
            self.came[dialect, name].refused.append(f"{type(error).__name__}: {error}")
            await exchange.reply(400, {}, b'{"error": {"message": "the service takes no such request"}}')
            return
        came = self.came[dialect, seen.model]
        answers = self._cells[dialect, seen.model].scene.answers
        answer = answers[min(len(came.seen), len(answers) - 1)]
        came.seen.append(seen)
        await give(exchange, SERVICES[dialect].write(answer, seen))


def _config(url: str) -> Config:
    providers = {}
    for name, service in SERVICES.items():
        where = f"{url}/{name}{service.base}"
        for prefix, idle in (("", None), ("hasty-", HASTY)):
            timeouts = TimeoutsConfig(connect=None, first_byte=None, first_token=None, idle=idle)
            providers[f"{prefix}{name}"] = ProviderConfig(
                type=VENDORS.get(name, name), url=where, api_key="key-of-service", timeouts=timeouts
            )
    # The service of the scenarios wants its reasoning back, as DeepSeek's does.
    profiles = {"reasoning-*": ProfileConfig(reasoning_returns=True)}
    return Config(gateway=GatewayConfig(port=0, api_keys=("key-of-caller",)), providers=providers, profiles=profiles)


@asynccontextmanager
async def stage(cells: Sequence[Cell]) -> AsyncIterator[tuple[str, Services]]:
    """A gateway at this URL and the services behind it; when it has closed, all outcomes are known."""
    services = Services(cells)
    outcomes: list[Outcome] = []
    async with serve(services.answer) as server:
        async with running(_config(server.url), observers=[outcomes.append]) as gateway:
            yield gateway.url, services
        for outcome in outcomes:
            dialect, _, name = outcome.model.removeprefix("hasty-").partition("/")
            if (dialect, name) in services.came:
                services.came[dialect, name].outcomes.append(outcome)


AT_ONCE = 1600
"""How many cells are played at once: for each request, clients look at all connections that they hold."""


async def play(cells: Sequence[Cell], services: Services, asker: Asker) -> None:
    """Runs all cells, those of silence after all others, and notes what the callers heard."""
    places = asyncio.Semaphore(AT_ONCE)

    async def placed(cell: Cell) -> None:
        async with places:
            await _play_cell(cell, services.came[cell.service, cell.name], asker)

    for silent in (False, True):  # a loop that is busy would be late to see that a service is not silent
        await asyncio.gather(*(placed(cell) for cell in cells if cell.is_silent == silent))


async def _play_cell(cell: Cell, came: Came, asker: Asker) -> None:
    caller = CALLERS[cell.caller]
    asked = caller.ask(cell.scene.question, cell.model)
    try:
        reply = await asker(cell.caller, asked, cell.stream)
        came.heard.append(caller.hear(reply))
        if cell.scene.result is not None:
            asked = caller.again(asked, reply, cell.scene.result)
            came.heard.append(caller.hear(await asker(cell.caller, asked, cell.stream)))
    except Failed as failed:
        came.heard.append(failed.heard)
