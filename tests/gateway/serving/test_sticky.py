"""Sticky routes at the gateway: relayed, translated, large bodies, and what an explanation says."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import Config, ModelConfig
from dragoman.gateway.fronts.endpoints import LARGE
from dragoman.wire import json
from tests.gateway.serving.test_plan import good
from tests.gateway.serving.test_routes import KINDS, failing, routed, turns
from tests.support.gateway import ask, running, running_gateway
from tests.support.relaying import JSON, PATH, Translating, post
from tests.support.server import Server, serve

ENTRY = ModelConfig(targets=("s0/m", "s1/m", "s2/m"), strategy="weighted", sticky=True)
SIZES = pytest.mark.parametrize("size", [10, LARGE], ids=["small", "large"])


def body(name: int, turn: int = 0, size: int = 10) -> bytes:
    """A turn of a conversation."""
    said = [{"role": ("user", "assistant")[n % 2], "content": f"{name} {n} " + "x" * size} for n in range(2 * turn + 1)]
    return json.encode({"model": "route", "messages": said})


def asked(services: Sequence[Server]) -> list[int]:
    """How many requests each has had."""
    return [len(each.requests) for each in services]


async def places(kind: type[Client], bodies: Sequence[bytes]) -> list[int]:
    """Which service answers each of these bodies, one after another, at a new gateway."""
    async with serve(good) as a, serve(good) as b, serve(good) as c:
        services, found = (a, b, c), []
        config = routed(services, ENTRY)
        async with running_gateway(config, client=kind(config)) as url:
            for each in bodies:
                before = asked(services)
                assert (await post(url, each)).status == 200
                after = asked(services)
                found.append(next(n for n in range(3) if after[n] > before[n]))
    return found


@SIZES
async def test_both_ways_send_each_conversation_to_the_same_target_in_every_process(size: int) -> None:
    bodies = [body(name, turn, size) for turn in range(2) for name in range(6)]
    relayed = await places(Client, bodies)
    assert relayed[:6] == relayed[6:]
    assert len(set(relayed)) > 1
    assert await places(Translating, bodies) == relayed


@KINDS
async def test_a_conversation_that_had_to_move_stays_at_the_new_target(kind: type[Client]) -> None:
    entry = ModelConfig(targets=("s0/m", "s1/m"), sticky=True)
    async with serve(turns(failing, good)) as first, serve(good) as second:
        config = routed([first, second], entry)
        async with running_gateway(config, client=kind(config)) as url:
            for turn in range(3):
                assert (await post(url, body(1, turn))).status == 200
            assert asked([first, second]) == [1, 3]
            assert (await post(url, body(2))).status == 200
            assert asked([first, second]) == [2, 3]


async def test_it_stays_there_after_a_reload() -> None:
    entry = ModelConfig(targets=("s0/m", "s1/m"), sticky=True)
    async with serve(turns(failing, good)) as first, serve(good) as second:
        config = routed([first, second], entry)
        async with running(config) as up:
            assert (await post(up.url, body(1, 0))).status == 200
            renewed = {name: replace(each, api_key="another") for name, each in config.providers.items()}
            up.server.replace(up.server.gateway.successor(Client(replace(config, providers=renewed))))
            assert (await post(up.url, body(1, 1))).status == 200
        assert asked([first, second]) == [1, 2]


async def test_the_library_s_conversations_stay_too() -> None:
    async with serve(good) as a, serve(good) as b, serve(good) as c:
        services = (a, b, c)
        async with Client(routed(services, ENTRY)) as client:
            for _ in range(4):
                await client.chat("route", "Hello")
    assert sorted(asked(services)) == [0, 0, 4]


async def test_an_explanation_says_so_and_names_the_target_that_is_asked() -> None:
    async with serve(good) as a, serve(good) as b, serve(good) as c:
        services = (a, b, c)
        config = routed(services, ENTRY)
        async with running_gateway(config) as url:
            for name in range(4):
                told = json.encode({"path": PATH, "headers": JSON, "body": json.decode_request(body(name))})
                found = json.decode_request((await ask(url, "POST", "/explain", JSON, told)).body)
                assert found["sticky"] is True
                before = asked(services)
                await post(url, body(name))
                after = asked(services)
                assert found["target"] == f"s{next(n for n in range(3) if after[n] > before[n])}/m"


def test_a_route_with_a_sticky_one_in_it_is_sticky_and_one_of_one_target_is_not() -> None:
    models = {
        "inner": ModelConfig(targets=("offline/echo", "offline/eliza"), sticky=True),
        "outer": ModelConfig(targets=("inner", "offline/script")),
        "lone": ModelConfig(targets=("offline/echo",), sticky=True),
        "other": ModelConfig(targets=("offline/echo", "offline/script")),
    }
    client = Client(Config(models=models))
    assert {name: client.plan(name).sticky for name in models} == {
        "inner": True,
        "outer": True,
        "lone": False,
        "other": False,
    }
