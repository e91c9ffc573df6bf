"""Header fields of an entry: every request to the service gets them, and nobody is shown them."""

from collections.abc import Mapping
from typing import ClassVar

import pytest
from msgspec.structs import replace

from dragoman import Client
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.protocols.anthropic.extra import noted
from dragoman.protocols.anthropic.tap import MessageTap
from dragoman.protocols.relay_body import BodyRelayRequest
from dragoman.providers.anthropic import Anthropic
from dragoman.providers.openai import OpenAICompatible
from dragoman.types import ChatRequest, user
from dragoman.wire import json
from tests.support.gateway import ask, running_gateway
from tests.support.server import Exchange, serve

JSON = {"content-type": "application/json"}
SECRET = "canary-of-the-company"
HEADERS = {"X-Proxy-Key": SECRET, "openai-organization": "org-1"}
SENT = {"x-proxy-key": SECRET, "openai-organization": "org-1"}
HI = [{"role": "user", "content": "hi"}]
ANSWER = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
}
KEPT = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello."}]}],
}
CHAT_ASKED = {"model": "up/m", "messages": HI}
ASKED = {
    "relayed": ("/v1/chat/completions", CHAT_ASKED),
    "translated": ("/v1/messages", {**CHAT_ASKED, "max_tokens": 9}),
    "embedded": ("/v1/embeddings", {"model": "up/m", "input": "hi"}),
    "completed": ("/v1/completions", {"model": "up/m", "prompt": "hi"}),
}


def configured(url: str, headers: dict[str, str] = HEADERS) -> Config:
    up = ProviderConfig(protocol="openai-chat", url=f"{url}/v1", completions="/completions", headers=headers)
    kept = ProviderConfig(protocol="openai-responses", url=f"{url}/v1", headers=headers, models=("m",))
    return Config(gateway=GatewayConfig(port=0), providers={"up": up, "kept": kept})


async def answers(exchange: Exchange) -> None:
    vectors = {"data": [{"index": 0, "embedding": [0.5]}]}
    text = {"choices": [{"index": 0, "text": "Hello.", "finish_reason": "stop"}]}
    kinds = {
        "/v1/embeddings": vectors,
        "/v1/completions": text,
        "/v1/models": {"data": [{"id": "m"}]},
        "/v1/responses": KEPT,
        "/v1/responses/resp_1": KEPT,
    }
    await exchange.reply(headers=JSON, body=json.encode(kinds.get(exchange.request.path, ANSWER)))


@pytest.mark.parametrize("kind", ASKED)
async def test_every_request_gets_them_and_the_callers_own_are_not_passed(kind: str) -> None:
    path, body = ASKED[kind]
    async with serve(answers) as service, running_gateway(configured(service.url)) as gateway:
        got = await ask(gateway, "POST", path, {**JSON, "x-proxy-key": "of the caller"}, json.encode(body))
        (seen,) = service.requests
    assert got.status == 200
    assert {name: value for name, value in seen.headers.items() if name in SENT} == SENT


async def test_so_do_lists_of_models_and_questions_for_kept_answers() -> None:
    async with serve(answers) as service:
        config = configured(service.url)
        async with Client(config) as client:
            await client.list_models("up")
        async with running_gateway(config) as gateway:
            await ask(gateway, "POST", "/v1/responses", JSON, json.encode({"model": "kept/m", "input": "hi"}))
            got = await ask(gateway, "GET", "/v1/responses/resp_1")
        assert got.status == 200
        paths = ["/v1/models", "/v1/responses", "/v1/responses/resp_1"]
        assert [each.path for each in service.requests] == paths
        assert {each.headers["x-proxy-key"] for each in service.requests} == {SECRET}


async def test_a_field_of_the_protocol_is_replaced_on_both_ways() -> None:
    async with serve(answers) as service:
        own = {"Authorization": "Basic own"}
        up = ProviderConfig(protocol="openai-chat", url=service.url, api_key="sk-1", headers=own)
        config = Config(gateway=GatewayConfig(port=0), providers={"up": up})
        async with running_gateway(config) as gateway:
            for kind in ("relayed", "translated"):
                path, body = ASKED[kind]
                await ask(gateway, "POST", path, JSON, json.encode(body))
        assert [each.headers["authorization"] for each in service.requests] == ["Basic own", "Basic own"]


class Messages(Anthropic):
    headers: ClassVar[Mapping[str, str]] = {"Anthropic-Version": "2024-01-01", "anthropic-beta": "ours-1"}


CALLERS = (("anthropic-version", "2023-06-01"), ("anthropic-beta", "theirs-1"))


async def test_of_a_relayed_request_a_field_is_replaced_and_a_list_goes_on_beside_ours() -> None:
    up = ProviderConfig(protocol="anthropic", url="", headers=dict(Messages.headers))
    async with serve(answers) as service:
        config = Config(gateway=GatewayConfig(port=0), providers={"up": replace(up, url=service.url)})
        async with running_gateway(config) as gateway:
            await ask(gateway, "POST", "/v1/messages", {**JSON, **dict(CALLERS)}, json.encode(ASKED["translated"][1]))
        (seen,) = service.requests
    assert seen.headers["anthropic-version"] == "2024-01-01"
    assert sorted(seen.headers["anthropic-beta"].split(", ")) == ["ours-1", "theirs-1"]


def test_a_translated_request_and_its_draft_have_the_same() -> None:
    request = ChatRequest(model="m", messages=(user("hi"),), extra=noted({}, **{"anthropic-beta": "theirs-1"}))
    relayed = BodyRelayRequest("m", False, {}, MessageTap, CALLERS)
    for drafted in (Messages.draft(request), Messages.relay_draft("anthropic", relayed, "m")):
        assert drafted.request is not None, drafted.error
        said = [field for field in drafted.request.headers if field[0] in dict(CALLERS)]
        assert sorted(said) == [
            ("anthropic-beta", "ours-1"),
            ("anthropic-beta", "theirs-1"),
            ("anthropic-version", "***"),
        ]


@pytest.mark.parametrize("kind", ["relayed", "translated", "embedded"])
async def test_a_service_that_repeats_one_shows_nobody_what_it_is(kind: str) -> None:
    async def repeats(exchange: Exchange) -> None:
        said = f"no entry for {exchange.request.headers['x-proxy-key']}"
        await exchange.reply(403, headers=JSON, body=json.encode({"error": {"message": said}}))

    path, body = ASKED[kind]
    async with serve(repeats) as service, running_gateway(configured(service.url)) as gateway:
        got = await ask(gateway, "POST", path, JSON, json.encode(body))
    assert "no entry for …" in got.text
    assert SECRET not in got.text


class Own(OpenAICompatible):
    url = "http://unused/v1"
    headers = HEADERS


def test_a_draft_shows_the_fields_and_hides_their_values() -> None:
    drafted = Own.draft(ChatRequest(model="m", messages=(user("hi"),))).request
    assert drafted is not None
    said = dict(drafted.headers)
    assert (said["x-proxy-key"], said["openai-organization"]) == ("***", "org-1")


async def test_a_class_may_have_them() -> None:
    async with serve(answers) as service:
        provider = Own.configured({"url": f"{service.url}/v1"})
        assert await provider.create_async("m", [{"role": "user", "content": "hi"}]) == "Hello."
        assert service.requests[0].headers["x-proxy-key"] == SECRET


def test_their_values_are_in_no_repr() -> None:
    assert SECRET not in repr(ProviderConfig(headers=HEADERS))
    assert SECRET not in repr(configured("http://unused"))
