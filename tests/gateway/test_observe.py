"""Observers: each is told of each request once, with all that is known of it."""

import pytest

from dragoman.client import Client
from dragoman.config import Config, GatewayConfig
from dragoman.types import Outcome
from tests.schedules.services import world
from tests.support.gateway import ask, chat, chat_body, connect, running
from tests.support.raw import talk, turns

KEYED = Config(gateway=GatewayConfig(port=0, api_keys=("key-one",)))
GOOD = {"Authorization": "Bearer key-one"}


async def test_each_request_is_told_once_to_each_observer() -> None:
    first: list[Outcome] = []
    second: list[Outcome] = []
    async with running(KEYED, observers=[first.append, second.append]) as up:
        await chat(up.url, "text: a", headers=GOOD, stream=True)
        await chat(up.url, "text: a", headers=GOOD)
        await ask(up.url, "GET", "/v1/models")
        await talk(up.url, b"no HTTP\r\n\r\n")
        whole = [(each.status, each.end, each.error, each.identity.known, each.model) for each in first]
    assert whole == [
        (200, "whole", "", True, "offline/script"),
        (200, "whole", "", True, "offline/script"),
        (401, "whole", "invalid_api_key", False, ""),
        (400, "whole", "bad_http", False, ""),
    ]
    assert all(each.ended_at >= each.received_at for each in first)
    assert first == second


async def test_observers_need_not_remember_a_name_of_any_length() -> None:
    told: list[Outcome] = []
    async with running(Config(gateway=GatewayConfig(port=0)), observers=[told.append]) as up:
        got = await ask(up.url, "POST", "/v1/chat/completions", body=chat_body("hi", "x" * 100_000))
    assert (got.status, len(got.body) < 1000, [len(each.model) for each in told]) == (400, True, [1024])


@pytest.mark.parametrize("model", ["openai-chat/m", "anthropic/m"], ids=["relayed", "translated"])
async def test_an_observer_that_fails_harms_no_answer_and_no_other_observer(
    model: str, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Outcome] = []

    def fails(outcome: Outcome) -> None:
        raise ValueError(outcome.model)

    async with world() as one, running(one.client.config, client=one.client, observers=[fails, told.append]) as up:
        async with connect(up.url) as wire:
            for stream in (True, False, True):
                wire.send("POST", "/v1/chat/completions", body=chat_body("hi", model, stream=stream))
                got = await wire.answer()
                assert (got.status, got.clean) == (200, True)
        await one.check_clean()
    assert [each.end for each in told] == ["whole"] * 3
    assert caplog.text.count("an observer failed: ValueError") == 3
    assert model not in caplog.text


async def test_a_gateway_that_was_replaced_ends_although_an_observer_fails() -> None:
    def fails(outcome: Outcome) -> None:
        raise ValueError

    async with running(observers=[fails]) as up, connect(up.url) as wire:
        wire.send("POST", "/v1/chat/completions", body=chat_body("text: a\ndelay: 0.1\ntext: b", stream=True))
        assert await wire.head() == 200
        up.server.replace(up.gateway.successor(Client(up.gateway.client.config)))
        assert len(up.server._retired) == 1
        assert (await wire.rest(200)).clean
        await turns()
        assert not up.server._retired
