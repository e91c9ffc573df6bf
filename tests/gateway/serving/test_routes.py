"""What a route does at the gateway, relayed and translated alike: retries, rests, limits, deadlines, who is counted."""

import asyncio
from collections.abc import Sequence

import pytest
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
from dragoman.routing.plan import Plan
from dragoman.routing.route import Route
from tests.gateway.serving.test_plan import busy, good
from tests.support.gateway import connect, running, running_gateway
from tests.support.relaying import EVENTS, JSON, PATH, Script, Translating, post, question
from tests.support.server import Exchange, Server, serve

KINDS = pytest.mark.parametrize("kind", [Client, Translating], ids=["relayed", "translated"])
STREAMS = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


def routed(services: Sequence[Server], entry: ModelConfig, gateway: GatewayConfig | None = None) -> Config:
    """The route `route`, as `entry` says, to the models m of the services s0, s1 …"""
    providers = {
        f"s{n}": ProviderConfig(protocol="openai-chat", url=f"{service.url}/v1", api_key="k")
        for n, service in enumerate(services)
    }
    return Config(gateway=replace(gateway or GatewayConfig(), port=0), providers=providers, models={"route": entry})


def turns(*scripts: Script) -> Script:
    """Answers its requests by these scripts in turn, and by the last one from then on."""
    left = list(scripts)

    async def answer(exchange: Exchange) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(exchange)

    return answer


def route_of(client: Client) -> Route:
    """Its route."""
    plan = client.plan("route")
    assert isinstance(plan, Route)
    return plan


async def nobody(client: Client) -> None:
    """Waits until nothing is under way; nothing tells that, so the loop's turns are counted."""
    for _ in range(1000):
        if not any(in_flight(route_of(client))):
            return
        await asyncio.sleep(0)
    raise AssertionError(in_flight(route_of(client)))


def in_flight(plan: Plan) -> list[int]:
    """Requests under way, by target."""
    assert isinstance(plan, Route)
    return [member.in_flight for member in plan.members]


async def soon(exchange: Exchange) -> None:
    """Refuses, and says when to try again."""
    await exchange.reply(429, headers={**JSON, "retry-after-ms": "20"}, body=b'{"error":{"message":"slow down"}}')


async def later(exchange: Exchange) -> None:
    """Refuses for long."""
    await exchange.reply(429, headers={**JSON, "retry-after": "30"}, body=b'{"error":{"message":"slow down"}}')


async def failing(exchange: Exchange) -> None:
    """Refuses without a reason."""
    await exchange.reply(500, headers=JSON, body=b"{}")


@KINDS
@STREAMS
async def test_a_target_that_says_when_is_asked_again_then(kind: type[Client], stream: bool) -> None:
    entry = ModelConfig(targets=("s0/m",), retry=RetryConfig(attempts=2))
    async with serve(turns(soon, good)) as service:
        config = routed([service], entry)
        client = kind(config)
        async with running_gateway(config, client=client) as url:
            answer = await post(url, question("route", stream=stream))
    assert (answer.status, len(service.requests)) == (200, 2)
    assert in_flight(route_of(client)) == [0]


@KINDS
@STREAMS
async def test_what_fails_for_good_says_how_often_it_was_tried(kind: type[Client], stream: bool) -> None:
    entry = ModelConfig(targets=("s0/m", "s1/m"), retry=RetryConfig(attempts=2))
    async with serve(soon) as first, serve(busy) as second:
        config = routed([first, second], entry)
        client = kind(config)
        async with running_gateway(config, client=client) as url:
            answer = await post(url, question("route", stream=stream))
    assert answer.status == 429
    assert b"the last of" in answer.body
    assert (len(first.requests), in_flight(route_of(client))) == (2, [0, 0])


@KINDS
@STREAMS
async def test_a_target_that_named_a_wait_is_left_out_until_then(kind: type[Client], stream: bool) -> None:
    async with serve(later) as first, serve(good) as second:
        config = routed([first, second], ModelConfig(targets=("s0/m", "s1/m")))
        async with running_gateway(config, client=kind(config)) as url:
            for _ in range(3):
                assert (await post(url, question("route", stream=stream))).status == 200
    assert (len(first.requests), len(second.requests)) == (1, 3)


@KINDS
@STREAMS
async def test_a_broken_target_is_no_longer_asked(kind: type[Client], stream: bool) -> None:
    gateway = GatewayConfig(breaker_failures=2)
    async with serve(failing) as first, serve(good) as second:
        config = routed([first, second], ModelConfig(targets=("s0/m", "s1/m")), gateway)
        async with running_gateway(config, client=kind(config)) as url:
            for _ in range(4):
                assert (await post(url, question("route", stream=stream))).status == 200
    assert (len(first.requests), len(second.requests)) == (2, 4)


@KINDS
@pytest.mark.parametrize(("attempts", "counted"), [(1, False), (2, True)])
async def test_a_good_answer_without_a_choice_closes_a_breaker_if_its_route_counts(
    kind: type[Client], attempts: int, counted: bool
) -> None:
    """As docs/policies/breaker.md says: a plain route of one target is not counted."""
    gateway = GatewayConfig(breaker_failures=2)
    alone = ModelConfig(targets=("s0/m",), retry=RetryConfig(attempts=attempts))
    async with serve(turns(failing, failing, good)) as first, serve(good) as second:
        config = routed([first, second], ModelConfig(targets=("s0/m", "s1/m")), gateway)
        config = replace(config, models=config.models | {"alone": alone})
        async with running_gateway(config, client=kind(config)) as url:
            for model in ("route", "route", "route", "alone", "route"):
                assert (await post(url, question(model, stream=False))).status == 200
    assert len(first.requests) == 3 + counted


@KINDS
async def test_an_answer_that_broke_off_counts_against_its_target(kind: type[Client]) -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n')
        exchange.reset()

    gateway = GatewayConfig(breaker_failures=1)
    async with serve(cut) as first, serve(good) as second:
        config = routed([first, second], ModelConfig(targets=("s0/m", "s1/m")), gateway)
        client = kind(config)
        async with running_gateway(config, client=client) as url:
            broken = await post(url, question("route", stream=True))
            assert b"[DONE]" not in broken.body
            assert b"[DONE]" in (await post(url, question("route", stream=True))).body
    assert (len(first.requests), in_flight(route_of(client))) == (1, [0, 0])


@KINDS
async def test_a_rest_is_told_once_in_the_event_log(kind: type[Client], caplog: pytest.LogCaptureFixture) -> None:
    async def refusing(exchange: Exchange) -> None:
        await exchange.reply(401, headers=JSON, body=b"{}")

    async with serve(refusing) as first, serve(good) as second:
        config = routed([first, second], ModelConfig(targets=("s0/m", "s1/m")))
        async with running_gateway(config, client=kind(config)) as url:
            for _ in range(3):
                assert (await post(url, question("route", stream=True))).status == 200
    said = [record.getMessage() for record in caplog.records if "not asked" in record.getMessage()]
    assert said == ["s0/m and other models of its service are not asked for 60 s: the key is refused (invalid_api_key)"]


@KINDS
@STREAMS
async def test_if_all_targets_rest_the_caller_is_told_at_once(kind: type[Client], stream: bool) -> None:
    async with serve(later) as first, serve(later) as second:
        config = routed([first, second], ModelConfig(targets=("s0/m", "s1/m")))
        async with running_gateway(config, client=kind(config)) as url:
            await post(url, question("route", stream=stream))
            answer = await post(url, question("route", stream=stream))
    assert (answer.status, answer.headers["retry-after"]) == (429, "30")
    assert len(first.requests) == len(second.requests) == 1


@KINDS
async def test_a_target_has_no_more_requests_than_it_may_and_gives_them_back(kind: type[Client]) -> None:
    held, go_on = asyncio.Event(), asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        held.set()
        await go_on.wait()
        await good(exchange)

    entry = ModelConfig(targets=(TargetConfig(model="s0/m", max_parallel=1), "s1/m"))
    async with serve(slow) as first, serve(good) as second:
        config = routed([first, second], entry)
        client = kind(config)
        async with running_gateway(config, client=client) as url:
            one = asyncio.create_task(post(url, question("route", stream=True)))
            await held.wait()
            assert (await post(url, question("route", stream=True))).status == 200
            assert (len(first.requests), len(second.requests)) == (1, 1)
            go_on.set()
            assert (await one).status == 200
            assert in_flight(route_of(client)) == [0, 0]


@KINDS
@STREAMS
async def test_the_time_to_the_first_content_is_known_of_whole_answers_too(kind: type[Client], stream: bool) -> None:
    async with serve(good) as first, serve(good) as second:
        config = routed([first, second], ModelConfig(targets=("s0/m", "s1/m")))
        client = kind(config)
        async with running_gateway(config, client=client) as url:
            await post(url, question("route", stream=stream))
        assert route_of(client).members[0].latency > 0


@KINDS
async def test_a_caller_who_leaves_is_counted_no_more(kind: type[Client]) -> None:
    held = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        held.set()
        await exchange.closed()

    async with serve(slow) as service:
        config = routed([service], ModelConfig(targets=(TargetConfig(model="s0/m", max_parallel=9),)))
        client = kind(config)
        async with running(config, client=client) as up:
            async with connect(up.url) as wire:
                wire.send("POST", PATH, JSON, question("route", stream=True))
                await held.wait()
                assert in_flight(route_of(client)) == [1]
            await nobody(client)


@KINDS
async def test_a_caller_who_leaves_while_a_retry_waits_is_counted_no_more(kind: type[Client]) -> None:
    refused = asyncio.Event()

    async def refusing(exchange: Exchange) -> None:
        await exchange.reply(429, headers={**JSON, "retry-after": "30"}, body=b"{}")
        refused.set()

    async with serve(refusing) as service:
        entry = ModelConfig(targets=("s0/m",), retry=RetryConfig(attempts=2))
        config = routed([service], entry)
        client = kind(config)
        async with running(config, client=client) as up:
            async with connect(up.url) as wire:
                wire.send("POST", PATH, JSON, question("route", stream=True))
                await refused.wait()
            await nobody(client)
    assert len(service.requests) == 1


@KINDS
@STREAMS
async def test_a_route_s_timeouts_make_those_of_its_services_shorter(kind: type[Client], stream: bool) -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.closed()

    entry = ModelConfig(targets=("s0/m", "s1/m"), timeouts=TimeoutsConfig(first_byte=0.05))
    async with serve(silent) as first, serve(good) as second:
        config = routed([first, second], entry)
        async with running_gateway(config, client=kind(config)) as url:
            answer = await post(url, question("route", stream=stream))
    assert (answer.status, len(first.requests)) == (200, 1)


@KINDS
@STREAMS
async def test_a_target_s_timeouts_are_tighter_than_the_route_s_and_never_looser(
    kind: type[Client], stream: bool
) -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.closed()

    targets = (
        TargetConfig(model="s0/m", timeouts=TimeoutsConfig(first_byte=0.05)),
        TargetConfig(model="s1/m", timeouts=TimeoutsConfig(first_byte=900, total=None)),
        "s2/m",
    )
    entry = ModelConfig(targets=targets, timeouts=TimeoutsConfig(first_byte=0.1))
    async with serve(silent) as first, serve(silent) as second, serve(good) as third:
        config = routed([first, second, third], entry)
        async with running_gateway(config, client=kind(config)) as url:
            answer = await post(url, question("route", stream=stream))
    assert (answer.status, len(first.requests), len(second.requests)) == (200, 1, 1)


@KINDS
@STREAMS
async def test_one_deadline_holds_over_all_attempts(kind: type[Client], stream: bool) -> None:
    waited: list[float] = []

    async def slow(exchange: Exchange) -> None:
        began = asyncio.get_running_loop().time()
        await exchange.closed()
        waited.append(asyncio.get_running_loop().time() - began)

    entry = ModelConfig(
        targets=(TargetConfig(model="s0/m", timeouts=TimeoutsConfig(first_byte=0.3)), "s1/m", "s2/m"),
        timeouts=TimeoutsConfig(total=0.5),
    )
    async with serve(slow) as first, serve(slow) as second, serve(good) as third:
        config = routed([first, second, third], entry)
        client = kind(config)
        async with running_gateway(config, client=client) as url:
            answer = await post(url, question("route", stream=stream))
    assert answer.status == 504
    assert b"no end from" in answer.body
    assert (len(second.requests), third.requests, in_flight(route_of(client))) == (1, [], [0, 0, 0])
    assert waited[1] < waited[0], "the second attempt had the whole time again"


@KINDS
async def test_the_deadline_holds_for_an_answer_that_has_begun(kind: type[Client]) -> None:
    async def dripping(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await exchange.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n')
        await exchange.closed()

    entry = ModelConfig(targets=("s0/m", "s1/m"), timeouts=TimeoutsConfig(total=1))
    async with serve(failing) as first, serve(dripping) as second:
        config = routed([first, second], entry)
        client = kind(config)
        async with running_gateway(config, client=client) as url:
            answer = await post(url, question("route", stream=True))
            assert in_flight(route_of(client)) == [0, 0]
    assert b'"hi"' in answer.body
    assert b"no end from" in answer.body
    assert b'"timeout"' in answer.body
    assert b"[DONE]" not in answer.body


async def wrong(exchange: Exchange) -> None:
    """Refuses a request that others may take."""
    await exchange.reply(400, headers=JSON, body=b'{"error":{"message":"unknown field"}}')


async def final(exchange: Exchange) -> None:
    """Wants no retry."""
    await exchange.reply(503, headers={**JSON, "x-should-retry": "false"}, body=b'{"error":{"message":"closed"}}')


@KINDS
@STREAMS
async def test_a_refusal_goes_to_the_next_target_if_the_route_says_so(kind: type[Client], stream: bool) -> None:
    entry = ModelConfig(targets=("s0/m", "s1/m"), retry=RetryConfig(fallback_on_400=True))
    async with serve(wrong) as first, serve(good) as second:
        config = routed([first, second], entry)
        async with running_gateway(config, client=kind(config)) as url:
            answer = await post(url, question("route", stream=stream))
    assert (answer.status, len(first.requests), len(second.requests)) == (200, 1, 1)


@KINDS
@STREAMS
async def test_a_request_that_may_have_run_is_not_sent_again_if_the_route_says_so(
    kind: type[Client], stream: bool
) -> None:
    entry = ModelConfig(targets=("s0/m", "s1/m"), retry=RetryConfig(attempts=2, after_send=False))
    async with serve(failing) as first, serve(good) as second:
        config = routed([first, second], entry)
        async with running_gateway(config, client=kind(config)) as url:
            answer = await post(url, question("route", stream=stream))
    assert (answer.status, len(first.requests), second.requests) == (500, 1, [])


@KINDS
@STREAMS
async def test_a_target_that_wants_no_retry_is_left_at_once_and_a_lone_one_says_it_to_the_caller(
    kind: type[Client], stream: bool
) -> None:
    retry = RetryConfig(attempts=3)
    async with serve(final) as first, serve(good) as second:
        config = routed([first, second], ModelConfig(targets=("s0/m", "s1/m"), retry=retry))
        async with running_gateway(config, client=kind(config)) as url:
            answer = await post(url, question("route", stream=stream))
        lone = routed([first], ModelConfig(targets=("s0/m",), retry=retry))
        async with running_gateway(lone, client=kind(lone)) as url:
            refused = await post(url, question("route", stream=stream))
    assert (answer.status, len(first.requests)) == (200, 2)
    assert (refused.status, refused.headers["x-should-retry"]) == (503, "false")
