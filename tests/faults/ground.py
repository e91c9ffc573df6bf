"""The ground on which cells are played: services, a gateway before them, and what is open while nothing is done."""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import UNSET, Struct, field
from msgspec.structs import replace

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
from dragoman.errors import DragomanError
from dragoman.gateway import ServerTimeouts
from dragoman.routing.route import Route
from dragoman.transport.base import Transport
from dragoman.transport.native import NativeTransport
from dragoman.transport.selector import Transports
from dragoman.types import Outcome
from tests.faults.certificates import NAMED, authority, certificate
from tests.faults.dialects import FRONTS, SERVICES, Heard
from tests.faults.fault import KEY, PASSWORD
from tests.faults.proxies import SCHEMES, Way
from tests.faults.tls import SPEECHES, Secrets
from tests.faults.wire import Service, Unheard
from tests.support.gateway import Got, connect, running
from tests.support.names import HERE, Names

CALLER_KEY = "canary-of-the-caller-77ab"
PROMPT = "canary-of-the-prompt-c02d"
CANARIES = (KEY, PASSWORD, CALLER_KEY, PROMPT)

GUARD = 10.0
"""Seconds after which a wait that no timeout of the gateway has ended is called endless."""

HASTY = TimeoutsConfig(first_byte=0.1, first_token=0.2, idle=0.1, end=0.05, total=0.4)
"""The timeouts of a service whose fault is to be ended by one."""
AT_EASE = ServerTimeouts(grace=0)
"""The gateway's patience with callers, if they are not what fails."""
BROWSER = "chrome107"
UNREACHED = TimeoutsConfig(connect=0.1, proxy=0.1, tls=0.1)
PATIENT = TimeoutsConfig(
    pool=60.0, connect=60.0, tls=60.0, proxy=60.0, first_byte=60.0, first_token=60.0, idle=60.0, end=60.0
)
"""Those of the others: none of them may strike on a busy machine."""


class Target(Struct):
    """A service as the gateway knows it."""

    dialect: str
    hasty: bool = False
    small: int | None = None
    """Bytes of its answers, if there is a limit."""
    alone: bool = False
    """Whether it, or the proxy on the way to it, has a port of its own, at which nobody answers yet."""
    tls: bool = False
    """Whether it has a certificate of its own."""
    over: str = ""
    """How it speaks TLS, a name of SPEECHES; empty: it does not."""
    named: bool = False
    """Whether it, or the proxy, is reached by a name."""
    way: Way | None = None
    """The proxy on the way to it."""
    h2: bool = False
    """Whether it speaks HTTP/2, for which it is asked through libcurl."""
    reached: bool = True
    """Whether its fault comes after there is a connection."""
    retry: RetryConfig = RetryConfig()
    """How its route sends a request again."""


class Ground(Struct):
    """What cells are played on."""

    url: str
    client: Client
    service: Service
    place: "Place"
    ports: dict[str, Unheard]
    """By the name of the target: the ports at which nobody answers yet."""
    names: Names
    transports: "Scripted"
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

    async def call(self, model: str, text: str, *, stream: bool) -> tuple[Got, Heard]:
        """The same by the library, and what its caller makes of it."""
        heard = Heard()
        try:
            async with asyncio.timeout(GUARD):
                if stream:
                    answer = self.client.stream(model, text, retries=0)
                    async for piece in answer.text:
                        heard.text += piece
                    whole = await answer.response()
                else:
                    whole = await self.client.chat(model, text, retries=0)
        except DragomanError as error:
            heard.ends, heard.words, heard.code = ["error"], error.message, error.code
            said = f"{error!r} {error.extra} {error.attempts} {error.__cause__!r}".encode()
            return Got(200 if heard.text else error.status, {}, [said], clean=True), heard
        heard.text, heard.ends = whole.text, ["end"]
        heard.tokens = None if whole.usage is None else whole.usage.output_tokens
        return Got(200, {}, [repr(whole).encode()], clean=True), heard

    def in_flight(self, model: str) -> list[int]:
        """Requests under way, by target of this route."""
        plan = self.client.plan(model)
        assert isinstance(plan, Route)
        return [member.in_flight for member in plan.members]

    def rest(self) -> "Rest":
        """What is open now, beside the connections to the service."""
        open_wires = len(self.service.open)
        descriptors = 0 if self.transports.browses else len(os.listdir("/dev/fd")) - 2 * open_wires
        return Rest(descriptors, len(asyncio.all_tasks()) - open_wires, _threads())


class Rest(Struct, frozen=True):
    """What is open while nothing is done."""

    descriptors: int
    tasks: int
    threads: int


HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {CALLER_KEY}"}

EXECUTORS = ("asyncio_", "uvloop_")
"""How the names of an event loop's own threads begin; they stay."""


def _threads() -> int:
    others = [thread.name for thread in threading.enumerate() if not thread.name.startswith(EXECUTORS)]
    lookups = others.count("lookup")
    return len(others) - min(lookups, 1)  # one waits for the next name


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
    listening = {"": service.port}
    secrets = Secrets(certificate(), folder)
    for over in {each.over for each in targets.values()} - {""}:
        await service.listen(tls=secrets.spoken(SPEECHES[over]))
        listening[over] = service.port
    place = Place(listening, folder / "ca.pem")
    names = Names({host_of(name): ([HERE],) for name in targets})
    ports = {name: Unheard() for name, target in targets.items() if target.alone}
    complaints: list[str] = []
    handler = _Kept()
    logging.getLogger("dragoman").addHandler(handler)
    try:
        authority().cert_pem.write_to_path(str(place.ca_file))
        providers = {
            name: _provider(name, each, replace(place, own=ports[name].port) if each.alone else place)
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
        routes |= {
            f"again-{name}": ModelConfig(targets=(TargetConfig(model=f"{name}/m"),), retry=each.retry)
            for name, each in targets.items()
            if each.retry.attempts > 1
        }
        log = folder / "requests"
        config = Config(
            gateway=GatewayConfig(
                port=0,
                api_keys=(CALLER_KEY,),
                request_log=str(log),
                breaker_failures=0,
                max_body=max_body,
                retry_budget=1.0,
            ),
            providers=providers,
            models=routes,
        )
        transports = Scripted(names)
        client = Client(config, transport=transports)
        outcomes: list[Outcome] = []
        async with running(config, client=client, timeouts=timeouts, observers=[outcomes.append]) as up:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: complaints.append(_told(context)))
            made = Ground(up.url, client, service, place, ports, names, transports, outcomes, complaints, handler.lines)
            await _browsed(made, targets)
            await _warmed(made, log)
            yield made
        rows = log.read_text()
        assert rows.count("\n") == len(outcomes), "not one row for each request"
        assert not any(canary in rows for canary in CANARIES), "a secret in the request log"
    finally:
        logging.getLogger("dragoman").removeHandler(handler)
        names.break_silence()
        for each in ports.values():
            each.close()
        await service.close()
        secrets.close()
    assert complaints == []


class Scripted(Transports):
    """Our own transport with a resolver of the tests; a browser where a target is asked by one."""

    def __init__(self, names: Names) -> None:
        super().__init__()
        self._native = NativeTransport(resolver=names)
        self.browses = False
        """Whether a browser was used. Then descriptors say nothing, for libcurl keeps what its peers have closed."""

    def pick(self, impersonate: str | None = None) -> Transport:
        """Ours, or the browser."""
        if impersonate is None:
            return self._native
        self.browses = True
        return super().pick(impersonate)

    def close(self) -> None:
        """Ends every connection."""
        super().close()
        self._native.close()


async def _browsed(up: Ground, targets: dict[str, Target]) -> None:
    """One request by a browser, if there are to be some: libcurl's own tasks and threads stay."""
    name = next((name for name, each in targets.items() if each.h2), None)
    if name is not None:
        await up.ask("ollama", f"{name}/m", stream=False)  # nobody is there yet


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


class Place(Struct, frozen=True):
    """Where the services are."""

    ports: Mapping[str, int]
    """Those at which requests are answered, by how TLS is spoken there; empty: not at all."""
    ca_file: Path
    own: int = 0
    """The port of this target alone, or of its proxy."""


def host_of(name: str) -> str:
    """The name by which a target, or its proxy, is found."""
    return NAMED.replace("*", name)


def _provider(name: str, target: Target, place: Place) -> ProviderConfig:
    path = f"/{name}{SERVICES[target.dialect].base}"
    port = place.ports[target.over]
    reached = f"{host_of(name) if target.named else HERE}:{place.own or port}"
    service, proxy, tls = reached, None, target.tls or bool(target.over)
    if target.way is not None:
        kind = target.way.kind
        service = host_of(name) if kind == "forward" else f"{HERE}:{port}"
        proxy = f"{SCHEMES[kind]}://caller:{PASSWORD}@{reached}"
    return ProviderConfig(
        protocol=target.dialect,
        url=f"{'https' if tls else 'http'}://{service}{path}",
        proxy=proxy,
        api_key=KEY,
        max_answer=target.small,
        timeouts=PATIENT if not target.hasty else HASTY if target.reached else UNREACHED,
        ca_file=str(place.ca_file) if tls else None,
        impersonate=BROWSER if target.h2 else UNSET,
    )
