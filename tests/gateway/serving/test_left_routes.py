"""A caller who leaves a route before there is an answer: who was asked is logged, and nobody is asked in vain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct

from dragoman.client import Client
from dragoman.config import GatewayConfig, ModelConfig, RetryConfig
from dragoman.types import Outcome
from tests.faults.ground import until
from tests.gateway.serving.test_plan import good
from tests.gateway.serving.test_routes import KINDS, STREAMS, in_flight, route_of, routed
from tests.support.gateway import Running, connect, running
from tests.support.relaying import JSON, PATH, Script, question
from tests.support.server import Exchange, Server, serve


class Scene(Struct):
    """A gateway with the route `route` to some services, and what became of its requests."""

    gateway: Running
    client: Client
    services: list[Server]
    outcomes: "asyncio.Queue[Outcome]"


@asynccontextmanager
async def scene(
    kind: type[Client], first: Script, second: Script, gateway: GatewayConfig | None = None, **entry: object
) -> AsyncIterator[Scene]:
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
    async with serve(first) as one, serve(second) as two:
        made = ModelConfig(targets=("s0/m", "s1/m"), **entry)  # type: ignore[arg-type]  # settings of a route
        config = routed([one, two], made, gateway)
        client = kind(config)
        async with running(config, client=client, observers=[outcomes.put_nowait]) as up:
            yield Scene(up, client, [one, two], outcomes)


async def left(on: Scene, when: asyncio.Event, *, stream: bool) -> Outcome:
    """What becomes of a request whose caller leaves then."""
    async with asyncio.timeout(5), connect(on.gateway.url) as wire:
        wire.send("POST", PATH, JSON, question("route", stream=stream))
        await when.wait()
        await asyncio.sleep(0.02)  # what the service has said by then has arrived
    async with asyncio.timeout(5):
        return await on.outcomes.get()


def failing(when: asyncio.Event | None = None, *, status: int = 500, wait: str = "0") -> Script:
    async def answer(exchange: Exchange) -> None:
        await exchange.reply(status, headers={**JSON, "retry-after": wait}, body=b'{"error":{"message":"no"}}')
        if when is not None:
            when.set()

    return answer


def silent(when: asyncio.Event) -> Script:
    async def answer(exchange: Exchange) -> None:
        when.set()
        await exchange.closed()

    return answer


@KINDS
@STREAMS
async def test_the_target_that_was_asked_is_logged(kind: type[Client], stream: bool) -> None:
    reached = asyncio.Event()
    async with scene(kind, silent(reached), good) as on:
        outcome = await left(on, reached, stream=stream)
        assert on.services[1].requests == []
    assert (outcome.end, outcome.target, outcome.attempts) == ("gone", "s0/m", ())
    assert outcome.asked_at is not None or kind is not Client


@KINDS
@STREAMS
async def test_those_that_failed_before_are_logged_too(kind: type[Client], stream: bool) -> None:
    reached = asyncio.Event()
    async with scene(kind, failing(), silent(reached)) as on:
        outcome = await left(on, reached, stream=stream)
        assert in_flight(route_of(on.client)) == [0, 0]
    assert (outcome.end, outcome.target) == ("gone", "s1/m")
    assert [(each.target, each.code) for each in outcome.attempts] == [("s0/m", "upstream_error")]


@KINDS
@STREAMS
async def test_while_a_retry_waits_no_target_is_asked_and_the_failure_is_logged(
    kind: type[Client], stream: bool
) -> None:
    refused = asyncio.Event()
    first = failing(refused, status=429, wait="0.9")
    async with scene(kind, first, good, retry=RetryConfig(attempts=2)) as on:
        outcome = await left(on, refused, stream=stream)
        assert in_flight(route_of(on.client)) == [0, 0]
    assert (outcome.end, outcome.target) == ("gone", "")
    assert [(each.target, each.code) for each in outcome.attempts] == [("s0/m", "rate_limit_exceeded")]


@KINDS
@STREAMS
async def test_if_the_gateway_stops_it_is_logged_too(kind: type[Client], stream: bool) -> None:
    reached = asyncio.Event()
    async with scene(kind, failing(), silent(reached)) as on:
        async with asyncio.timeout(5), connect(on.gateway.url) as wire:
            wire.send("POST", PATH, JSON, question("route", stream=stream))
            await reached.wait()
            on.gateway.server.stop()
            got = await wire.answer()
            outcome = await on.outcomes.get()
        assert in_flight(route_of(on.client)) == [0, 0]
    assert (got.status, got.headers["x-dragoman-target"], got.headers["x-dragoman-attempts"]) == (503, "s1/m", "2")
    assert (outcome.error, outcome.target) == ("stopped", "s1/m")
    assert [(each.target, each.code) for each in outcome.attempts] == [("s0/m", "upstream_error")]


@KINDS
@STREAMS
async def test_a_drained_request_goes_to_no_other_target(kind: type[Client], stream: bool) -> None:
    reached, go = asyncio.Event(), asyncio.Event()

    async def late(exchange: Exchange) -> None:
        reached.set()
        await go.wait()
        await failing()(exchange)

    async with scene(kind, late, good, GatewayConfig(on_disconnect="drain")) as on:
        async with connect(on.gateway.url) as wire:
            wire.send("POST", PATH, JSON, question("route", stream=stream))
            await reached.wait()
        async with asyncio.timeout(5):
            assert await until(lambda: _is_left(on))
            go.set()
            outcome = await on.outcomes.get()
        assert on.services[1].requests == []
        assert in_flight(route_of(on.client)) == [0, 0], "a target has a request that nobody has sent"
    assert [(each.target, each.code) for each in outcome.attempts] == [("s0/m", "upstream_error")]


def _is_left(on: Scene) -> bool:
    return any(writer.unheard for writer in on.gateway.gateway._writers)
