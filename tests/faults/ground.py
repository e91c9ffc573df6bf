"""The ground on which cells are played: services, a gateway before them, and what is open while nothing is done."""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from dragoman.client import Client
from dragoman.config import (
    Config,
    GatewayConfig,
    ModelConfig,
    ProviderConfig,
    RetryConfig,
    TargetConfig,
    TimeoutsConfig,
)
from dragoman.gateway import ServerTimeouts
from dragoman.routing.route import Route
from dragoman.types import Outcome
from tests.faults.certificates import authority
from tests.faults.dialects import FRONTS, SERVICES
from tests.faults.fault import KEY
from tests.faults.wire import Service, Unheard
from tests.support.gateway import Got, connect, running

CALLER_KEY = "canary-of-the-caller-77ab"
PROMPT = "canary-of-the-prompt-c02d"
CANARIES = (KEY, CALLER_KEY, PROMPT)

GUARD = 10.0
"""Seconds after which a wait that no timeout of the gateway has ended is called endless."""

HASTY = TimeoutsConfig(first_byte=0.1, first_token=0.2, idle=0.1, end=0.05, total=0.4)
"""The timeouts of a service whose fault is to be ended by one."""
AT_EASE = ServerTimeouts(grace=0)
"""The gateway's patience with callers, if they are not what fails."""
UNREACHED = TimeoutsConfig(connect=0.1, tls=0.1)
PATIENT = TimeoutsConfig(first_byte=60.0, first_token=60.0, idle=60.0, end=60.0)
"""Those of the others: none of them may strike on a busy machine."""


class Target(Struct):
    """A service as the gateway knows it."""

    dialect: str
    hasty: bool = False
    small: int | None = None
    """Bytes of its answers, if there is a limit."""
    alone: bool = False
    """Whether it has a port of its own, at which nobody answers yet."""
    tls: bool = False
    retry: RetryConfig = RetryConfig()
    """How its route sends a request again."""


class Ground(Struct):
    """What cells are played on."""

    url: str
    client: Client
    service: Service
    ports: dict[str, Unheard]
    """By the name of the target: the ports at which nobody answers yet."""
    outcomes: list[Outcome] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """What the event loop's handler was told."""
    logged: list[str] = field(default_factory=list)
    settled: "Rest | None" = None
    """What is open while nothing is done."""

    async def ask(self, front: str, model: str, *, stream: bool, text: str = PROMPT) -> Got:
        """The whole answer to one question, over a connection of its own."""
        path, body = FRONTS[front].ask(model, text, stream=stream)
        async with asyncio.timeout(GUARD), connect(self.url) as wire:
            wire.send("POST", path, HEADERS, body)
            return await wire.answer()

    def in_flight(self, model: str) -> list[int]:
        """Requests under way, by target of this route."""
        plan = self.client.plan(model)
        assert isinstance(plan, Route)
        return [member.in_flight for member in plan.members]

    def rest(self) -> "Rest":
        """What is open now, beside the connections to the service."""
        open_wires = len(self.service.open)
        return Rest(len(os.listdir("/dev/fd")) - 2 * open_wires, len(asyncio.all_tasks()) - open_wires, _threads())


class Rest(Struct, frozen=True):
    """What is open while nothing is done."""

    descriptors: int
    tasks: int
    threads: int


HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {CALLER_KEY}"}


def _threads() -> int:
    return sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate())


async def until(condition: Callable[[], bool]) -> bool:
    """Whether this comes true; nothing tells when, so the loop turns until then."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + GUARD / 5
    while not condition():
        if loop.time() > ends:
            return False
        await asyncio.sleep(0)
    return True


@asynccontextmanager
async def ground(
    targets: dict[str, Target], folder: Path, timeouts: ServerTimeouts = AT_EASE, *, max_body: int = 32 << 20
) -> AsyncIterator[Ground]:
    """A gateway before these targets; each has a route of its own name with `both-` before it, whose second target is
    the one that is called `spare`."""
    service = Service()
    await service.listen()
    ports = {name: Unheard() for name, target in targets.items() if target.alone}
    complaints: list[str] = []
    handler = _Kept()
    logging.getLogger("dragoman").addHandler(handler)
    try:
        ca_file = folder / "ca.pem"
        if any(each.tls for each in targets.values()):
            authority().cert_pem.write_to_path(str(ca_file))
        providers = {
            name: _provider(name, each, ports[name].port if each.alone else service.port, ca_file)
            for name, each in targets.items()
        }
        routes = {
            f"both-{name}": ModelConfig(
                targets=(
                    TargetConfig(model=f"{name}/m", context=1000),
                    TargetConfig(model=f"spare-{each.dialect}/m", context=2000),
                ),
                retry=each.retry,
            )
            for name, each in targets.items()
            if not name.startswith("spare-")
        }
        log = folder / "requests"
        config = Config(
            gateway=GatewayConfig(
                port=0, api_keys=(CALLER_KEY,), request_log=str(log), breaker_failures=0, max_body=max_body
            ),
            providers=providers,
            models=routes,
        )
        client = Client(config)
        outcomes: list[Outcome] = []
        async with running(config, client=client, timeouts=timeouts, observers=[outcomes.append]) as up:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: complaints.append(_told(context)))
            made = Ground(up.url, client, service, ports, outcomes, complaints, handler.lines)
            await _warmed(made, log)
            yield made
        rows = log.read_text()
        assert rows.count("\n") == len(outcomes), "not one row for each request"
        assert not any(canary in rows for canary in CANARIES), "a secret in the request log"
    finally:
        logging.getLogger("dragoman").removeHandler(handler)
        for each in ports.values():
            each.close()
        await service.close()
    assert complaints == []


async def _warmed(up: Ground, log: Path) -> None:
    """One request, so that all is open that stays open: the file of the request log, and its thread."""
    tasks = len(asyncio.all_tasks())
    assert (await up.ask("ollama", "offline/echo", stream=False)).status == 200
    assert await until(lambda: log.stat().st_size > 0)
    assert await until(lambda: len(asyncio.all_tasks()) == tasks)
    up.settled = up.rest()


def _told(context: dict[str, Any]) -> str:
    return f"{context.get('message')}: {context.get('exception')!r}"


class _Kept(logging.Handler):
    """Keeps all that is logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {self.format(record)}")


def _provider(name: str, target: Target, port: int, ca_file: Path) -> ProviderConfig:
    return ProviderConfig(
        protocol=target.dialect,
        url=f"{'https' if target.tls else 'http'}://127.0.0.1:{port}/{name}{SERVICES[target.dialect].base}",
        api_key=KEY,
        max_answer=target.small,
        timeouts=PATIENT if not target.hasty else UNREACHED if target.alone else HASTY,
        ca_file=str(ca_file) if target.tls else None,
    )
