"""A stream outlives a reload: whoever lost it gets the rest from the new generation, if that resumes at all."""

import pytest
from msgspec.structs import replace

from dragoman.client import Client
from dragoman.gateway.serving.lasting.lasting_generation import LastingGeneration
from tests.gateway.serving.test_resuming import WAYS, Scene, scene
from tests.support.gateway import connect
from tests.support.raw import turns
from tests.support.resuming import events_of, read_events


def reload(on: Scene, **settings: object) -> None:
    """Puts a gateway with these settings in the place of the present one."""
    config = on.gateway.server.gateway.client.config
    changed = replace(config, gateway=replace(config.gateway, **settings))
    on.gateway.server.replace(on.gateway.server.gateway.successor(Client(changed)))


async def closed(on: Scene) -> None:
    """Returns once all generations before the present one are closed."""
    while on.gateway.server._retired or on.gateway.server._closing:
        await turns()


@pytest.mark.parametrize("way", WAYS)
async def test_a_stream_that_was_lost_before_a_reload_goes_on_after_it(way: str) -> None:
    async with scene("openai-chat", way) as on:
        on.say(3)
        async with connect(on.url) as wire:
            name = await on.first(wire)
            had = await read_events(wire, 1)
        lasting = on.lasting
        reload(on, head_after=7.0)
        assert on.lasting is lasting
        count = len(events_of(had))
        async with connect(on.url) as again:
            again.send("POST", on.front.path, {"Last-Event-ID": f"{name}:{count}"}, on.front.asked)
            assert await again.head() == 200
            on.say()
            rest = await again.rest(200)
        assert rest.clean
        assert b"[DONE]" in rest.body
        await closed(on)
        whole = await on.resumed(f"{name}:0")
        assert events_of(had) + events_of(rest.body) == events_of(whole.body)
        assert len(on.service.requests) == 1


async def test_after_a_reload_the_new_time_holds() -> None:
    async with scene("openai-chat") as on:
        on.say()
        async with connect(on.url) as wire:
            name = await on.first(wire)
            await wire.rest(200)
        reload(on, resume=0.02)
        assert (await on.resumed(f"{name}:1")).status == 200
        assert [(await on.outcomes.get()).end for _ in range(2)] == ["whole", "whole"]
        on.say(3)
        async with connect(on.url) as wire:
            later = await on.first(wire)
        assert (await on.outcomes.get()).end == "gone"
        assert (await on.resumed(f"{later}:1")).status == 410


async def test_a_reload_that_switches_both_off_ends_resuming_but_not_the_stream() -> None:
    async with scene("openai-chat") as on:
        on.say(3)
        async with connect(on.url) as wire:
            name = await on.first(wire)
            had = await read_events(wire, 1)
            reload(on, resume=0.0)
            assert not isinstance(on.gateway.server.current, LastingGeneration)
            on.say()
            rest = await wire.rest(200)
        assert rest.clean
        assert events_of(had + rest.body)[-1][1] == b"[DONE]"
        await closed(on)
        on.say()
        got = await on.resumed(f"{name}:1")
        assert got.status == 200
        assert "x-dragoman-stream" not in got.headers
        assert len(on.service.requests) == 2
