"""A service that no longer takes its own state, or that signs nothing: a translated request is answered."""

import json

import pytest
from msgspec.structs import replace

from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.protocols.opaque import STATELESS
from tests.support.gateway import Got, ask, running_gateway
from tests.support.server import Exchange, ReceivedRequest, serve
from tests.support.signed import JSON, SIGNED, Body, Items, encoded

UNSIGNED = b'"signature":""'
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


GENERIC = ProviderConfig(protocol="anthropic", api_key="k")
VENDOR = ProviderConfig(type="anthropic", api_key="k")
THOUGHT = {"role": "assistant", "content": "I am a.", "reasoning_content": "Hm."}
MARKED = {
    "role": "assistant",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": STATELESS},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
    ],
}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "a"}]}
TOOLS = {"tools": [{"name": "f", "input_schema": {"type": "object"}}], "max_tokens": 4096}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


async def answered(
    path: str, body: Body, *, refuses: bool = False, provider: ProviderConfig = GENERIC
) -> tuple[Got, list[bytes]]:
    """The answer of a service that may refuse an empty signature, and all that it was asked."""

    async def unsigning(exchange: Exchange) -> None:
        if refuses and UNSIGNED in exchange.request.body:
            await exchange.reply(400, JSON, encoded(REFUSAL))
            return
        await exchange.reply(200, JSON, encoded(SIGNED["anthropic"].reply("", "So.")))

    async with serve(unsigning) as up:
        config = Config(gateway=GatewayConfig(port=0), providers={"up": replace(provider, url=up.url)})
        async with running_gateway(config) as url:
            got = await ask(url, "POST", path, JSON, encoded(body))
    return got, [seen.body for seen in up.requests]


async def test_thinking_that_nobody_signed_goes_back_to_a_service_that_signs_nothing() -> None:
    """A second gateway before a model that signs nothing, above all: without its thinking, thinking would be off."""
    body = {"model": "up/m", "messages": [{"role": "user", "content": "a"}, MARKED, RESULT]} | TOOLS | THINKING
    got, (asked,) = await answered("/v1/messages", body)
    assert got.status == 200
    assert "x-dragoman-losses" not in got.headers
    seen = json.loads(asked)
    assert seen["messages"][1]["content"][0] == {"type": "thinking", "thinking": "Hm.", "signature": ""}
    assert seen["thinking"] == THINKING["thinking"]


async def test_it_does_not_go_to_the_vendor_who_signs() -> None:
    body = {"model": "up/m", "messages": [{"role": "user", "content": "a"}, MARKED, RESULT]} | TOOLS | THINKING
    got, (asked,) = await answered("/v1/messages", body, provider=VENDOR)
    assert got.headers["x-dragoman-losses"] == "messages[1].parts[0] (reasoning), reasoning"
    assert b"Hm." not in asked


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_service_that_refuses_it_is_asked_without(refuses: bool) -> None:
    user = {"role": "user", "content": "a"}
    body = {"model": "up/m", "messages": [user, THOUGHT, user]}
    got, asked = await answered("/v1/chat/completions", body, refuses=refuses)
    assert got.status == 200
    assert [UNSIGNED in seen for seen in asked] == [True, False][: len(asked)]
    assert len(asked) == 1 + refuses
    assert ("messages[1].parts[0] (reasoning)" in got.headers.get("x-dragoman-losses", "")) == refuses
