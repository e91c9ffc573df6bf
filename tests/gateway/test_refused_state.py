"""A service that no longer takes its own opaque state: who is translated is answered, and a relay passes as it is."""

import json

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig
from tests.support.gateway import Got, ask, running_gateway
from tests.support.server import Exchange, ReceivedRequest, serve
from tests.support.signed import JSON, SIGNED, Items, encoded

STATE = "Q2FuYXJ5QWxwaGFBbHBoYUFscGhh"
WORDS = "messages.1.content.0: Invalid `signature` in `thinking` block"
REFUSAL = {"type": "error", "error": {"type": "invalid_request_error", "message": WORDS}}


async def forgetful(exchange: Exchange) -> None:
    """Signs each answer, and refuses each signature."""
    if STATE.encode() in exchange.request.body:
        await exchange.reply(400, JSON, encoded(REFUSAL))
        return
    await exchange.reply(200, JSON, encoded(SIGNED["anthropic"].reply(STATE, "I am a.")))


async def second_answer(caller: str) -> tuple[Got, list[ReceivedRequest]]:
    """The answer to a second question, and all that the service was asked."""
    voice = SIGNED[caller]
    async with serve(forgetful) as up:
        provider = ProviderConfig(protocol="anthropic", url=up.url, api_key="k")
        config = Config(gateway=GatewayConfig(port=0), providers={"up": provider})
        async with running_gateway(config) as url:
            items: Items = [voice.user("Who are you?")]
            first = await ask(url, "POST", voice.path("up/m"), JSON, encoded(voice.body("up/m", items)))
            items += [*voice.turn(json.loads(first.body)), voice.user("Really?")]
            got = await ask(url, "POST", voice.path("up/m"), JSON, encoded(voice.body("up/m", items)))
    return got, up.requests


@pytest.mark.parametrize("caller", [name for name in SIGNED if name != "anthropic"])
async def test_a_translated_request_is_answered_and_the_loss_is_named(caller: str) -> None:
    got, asked = await second_answer(caller)
    assert got.status == 200
    assert "I am a." in got.text
    assert "messages[1].parts[0] (reasoning)" in got.headers["x-dragoman-losses"]
    assert [STATE.encode() in seen.body for seen in asked] == [False, True, False]
    assert b"I am a." in asked[-1].body


async def test_a_relayed_request_passes_as_it_is() -> None:
    got, asked = await second_answer("anthropic")
    assert got.status == 400
    assert WORDS in json.loads(got.body)["error"]["message"]
    assert len(asked) == 2
