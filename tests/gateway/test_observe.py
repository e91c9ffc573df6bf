"""Observers: each is told of each request once, with all that is known of it."""

from dragoman.config import Config, GatewayConfig
from dragoman.types import Outcome
from tests.support.gateway import ask, chat, chat_body, running
from tests.support.raw import talk

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
