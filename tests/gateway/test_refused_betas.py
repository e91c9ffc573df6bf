"""Betas that a service refuses, as clouds do with those of agents: it is asked once more, without them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from tests.gateway.test_anthropic_relay import PATH, question
from tests.gateway.test_request_log import lines, logging_to
from tests.providers.clouds.fakes import EVENTS, JSON, STREAM, TEXT, WHOLE
from tests.support.gateway import Got, ask, running_gateway
from tests.support.raw import post, talk
from tests.support.server import Exchange, Server, serve

BEDROCK = {"message": "The model returned the following errors: invalid beta flag"}
MANTLE = {"type": "error", "error": {"type": "invalid_request_error", "message": "invalid beta flag"}}
WORDS = (
    "Unexpected value(s) `b-2`, `c-3` for the `anthropic-beta` header. "
    "Please consult our documentation at docs.anthropic.com or try again without the header."
)
VERTEX = {"type": "error", "error": {"type": "invalid_request_error", "message": WORDS}, "request_id": "req_vrtx_1"}
LITELLM = {"error": {"message": json.dumps(VERTEX), "type": "None", "param": "None", "code": "400"}}
OTHER = {"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens: Field required"}}
SENT = "a-1, b-2,c-3"
ALL, SOME = ("a-1", "b-2", "c-3"), ("b-2", "c-3")
REFUSALS = [(BEDROCK, ALL), (MANTLE, ALL), (VERTEX, SOME), (LITELLM, SOME)]


class Picky:
    """Refuses requests with `beta` by `refusal`, and answers all others."""

    def __init__(self, refusal: Mapping[str, Any], beta: str = "b-2", *, in_stream: bool = False) -> None:
        self._refusal = json.dumps(refusal).encode()
        self._beta = beta
        self._in_stream = in_stream

    async def __call__(self, exchange: Exchange) -> None:
        request = exchange.request
        stream = b'"stream":true' in request.body.replace(b" ", b"") or "stream" in request.path
        if self._beta in request.headers.get("anthropic-beta", ""):
            if self._in_stream:
                await exchange.reply(200, EVENTS, b"event: error\ndata: " + self._refusal + b"\n\n")
            else:
                await exchange.reply(400, JSON, self._refusal)
        elif "count" in request.path:
            await exchange.reply(200, JSON, b'{"input_tokens": 7}')
        else:
            await exchange.reply(200, EVENTS if stream else JSON, STREAM["anthropic"] if stream else _whole())


def _whole() -> bytes:
    return json.dumps(WHOLE["anthropic"], ensure_ascii=False).encode()


def config(service: Server, **provider: Any) -> Config:
    up = ProviderConfig(protocol="anthropic", url=service.url, api_key="k", **provider)
    return Config(gateway=GatewayConfig(port=0), providers={"up": up})


async def chat(url: str, body: bytes, betas: str = SENT) -> Got:
    return await ask(url, "POST", PATH, {**JSON, "anthropic-beta": betas}, body)


def seen(service: Server) -> list[str | None]:
    return [request.headers.get("anthropic-beta") for request in service.requests]


def lost(*betas: str) -> str:
    return ", ".join(f"anthropic-beta.{beta}" for beta in betas)


@pytest.mark.parametrize("translated", [False, True], ids=["relayed", "translated"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("refusal", "names"), REFUSALS, ids=["bedrock", "mantle", "vertex", "litellm"])
async def test_it_is_asked_once_more_and_the_next_time_at_once_without(
    tmp_path: Path, refusal: Mapping[str, Any], names: tuple[str, ...], stream: bool, translated: bool
) -> None:
    log, body = tmp_path / "log.jsonl", question(stream=stream, translated=translated)
    async with serve(Picky(refusal)) as service, running_gateway(logging_to(log, config(service))) as url:
        for _ in range(2):
            got = await chat(url, body)
            assert (got.status, got.clean) == (200, True)
            assert TEXT in got.text
            assert lost(*names) in got.headers["x-dragoman-losses"]
    assert [lost(*names) in line["losses"] for line in lines(log)] == [True, True]
    rest = None if names == ALL else "a-1"
    assert seen(service) == [SENT, rest, rest]
    first, *others = (request.body for request in service.requests)
    assert set(others) == {first}


@pytest.mark.parametrize("translated", [False, True], ids=["relayed", "translated"])
async def test_a_refusal_in_a_stream_is_one_too(translated: bool) -> None:
    picky = Picky(VERTEX, in_stream=True)
    async with serve(picky) as service, running_gateway(config(service)) as url:
        got = await chat(url, question(translated=translated))
    assert got.status == 200
    assert TEXT in got.text
    assert seen(service) == [SENT, "a-1"]


async def test_a_loss_is_named_too_if_the_answer_has_not_the_form_that_was_asked_for() -> None:
    """Such a reply is decoded."""

    async def whole(exchange: Exchange) -> None:
        beta = "b-2" in exchange.request.headers.get("anthropic-beta", "")
        await exchange.reply(400 if beta else 200, JSON, json.dumps(VERTEX).encode() if beta else _whole())

    async with serve(whole) as service, running_gateway(config(service)) as url:
        got = [await chat(url, question()) for _ in range(2)]
    assert [(each.status, each.headers["x-dragoman-losses"]) for each in got] == [(200, lost(*SOME))] * 2
    assert seen(service) == [SENT, "a-1", "a-1"]


async def test_other_lists_are_sent_as_they_came() -> None:
    """Bedrock does not say which of them it refuses."""
    async with serve(Picky(MANTLE)) as service, running_gateway(config(service)) as url:
        await chat(url, question())
        got = await chat(url, question(), "a-1")
        await ask(url, "POST", PATH, JSON, question())
    assert "x-dragoman-losses" not in got.headers
    assert seen(service) == [SENT, None, "a-1", None]


async def test_each_model_is_asked_for_itself() -> None:
    async with serve(Picky(MANTLE)) as service, running_gateway(config(service)) as url:
        await chat(url, question())
        await chat(url, question(model="up/n"))
    assert seen(service) == [SENT, None, SENT, None]


@pytest.mark.parametrize("translated", [False, True], ids=["relayed", "translated"])
async def test_it_is_never_asked_a_third_time_and_nothing_is_learnt(translated: bool) -> None:
    async def stubborn(exchange: Exchange) -> None:
        await exchange.reply(400, JSON, json.dumps(VERTEX).encode())

    async with serve(stubborn) as service, running_gateway(config(service)) as url:
        for _ in range(2):
            got = await chat(url, question(translated=translated))
            assert (got.status, json.loads(got.body)["error"]["message"]) == (400, WORDS)
    assert seen(service) == [SENT, "a-1", SENT, "a-1"]


@pytest.mark.parametrize("translated", [False, True], ids=["relayed", "translated"])
async def test_what_it_says_then_is_what_the_caller_hears(translated: bool) -> None:
    """Claude Code drops a field of the body by these words."""
    words = "context_management: Extra inputs are not permitted"
    refused = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}

    async def strict(exchange: Exchange) -> None:
        beta = "anthropic-beta" in exchange.request.headers
        await exchange.reply(400, JSON, json.dumps(MANTLE if beta else refused).encode())

    async with serve(strict) as service, running_gateway(config(service)) as url:
        got = await chat(url, question(translated=translated))
    assert (got.status, json.loads(got.body)["error"]["message"]) == (400, words)
    assert seen(service) == [SENT, None]


@pytest.mark.parametrize("translated", [False, True], ids=["relayed", "translated"])
async def test_any_other_refusal_stands(translated: bool) -> None:
    async with serve(Picky(OTHER)) as service, running_gateway(config(service)) as url:
        got = await chat(url, question(translated=translated))
    assert got.status == 400
    assert seen(service) == [SENT]


@pytest.mark.parametrize("status", [403, 429, 500])
async def test_a_refusal_with_another_status_says_nothing_of_betas(status: int) -> None:
    async def refuses(exchange: Exchange) -> None:
        await exchange.reply(status, JSON, json.dumps(VERTEX).encode())

    async with serve(refuses) as service, running_gateway(config(service)) as url:
        assert (await chat(url, question())).status >= 400
    assert len(service.requests) == 1


async def test_strict_allows_no_such_loss() -> None:
    """A translated request would be refused for its thoughts."""
    async with serve(Picky(VERTEX)) as service, running_gateway(config(service, strict=True)) as url:
        got = await chat(url, question())
    assert (got.status, seen(service)) == (400, [SENT])


@pytest.mark.parametrize("translated", [False, True], ids=["relayed", "translated"])
async def test_betas_of_the_entry_are_always_sent(translated: bool) -> None:
    ours = {"anthropic-beta": "ours-1"}
    async with serve(Picky(MANTLE)) as service, running_gateway(config(service, headers=ours)) as url:
        got = await chat(url, question(translated=translated))
    assert got.status == 200
    first, second = seen(service)
    assert first is not None
    assert sorted(name.strip() for name in first.split(",")) == ["a-1", "b-2", "c-3", "ours-1"]
    assert second == "ours-1"


async def test_a_count_is_asked_for_in_the_same_way_and_apart() -> None:
    """Vertex AI counts with fewer betas than it chats: anthropics/claude-code#11154."""
    body = json.dumps({"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    async with serve(Picky(VERTEX)) as service, running_gateway(config(service)) as url:
        for _ in range(2):
            got = await ask(url, "POST", f"{PATH}/count_tokens", {**JSON, "anthropic-beta": SENT}, body)
            assert (got.status, json.loads(got.body)["input_tokens"]) == (200, 7)
            assert got.headers["x-dragoman-losses"] == lost(*SOME)
        await chat(url, question())
    assert seen(service) == [SENT, "a-1", "a-1", SENT, "a-1"]


async def test_the_next_target_of_a_route_gets_the_caller_s_betas() -> None:
    async def busy(exchange: Exchange) -> None:
        beta = "b-2" in exchange.request.headers.get("anthropic-beta", "")
        status, said = (400, json.dumps(MANTLE).encode()) if beta else (503, b"{}")
        await exchange.reply(status, JSON, said)

    async with serve(busy) as first, serve(Picky(MANTLE, "x-9")) as second:
        made = Config(
            gateway=GatewayConfig(port=0),
            providers={
                "one": ProviderConfig(protocol="anthropic", url=first.url),
                "two": ProviderConfig(protocol="anthropic", url=second.url),
            },
            models={"r": ModelConfig(targets=("one/m", "two/m"))},
        )
        async with running_gateway(made) as url:
            got = await chat(url, question(model="r"))
    assert (got.status, got.headers["x-dragoman-target"]) == (200, "two/m")
    assert "x-dragoman-losses" not in got.headers
    assert seen(first) == [SENT, None]
    assert seen(second) == [SENT]


@pytest.mark.parametrize("translated", [False, True], ids=["relayed", "translated"])
async def test_betas_may_come_in_several_fields(translated: bool) -> None:
    betas = (b"anthropic-beta: a-1", b"anthropic-beta: b-2", b"content-type: application/json", b"connection: close")
    async with serve(Picky(VERTEX, "x-9")) as service, running_gateway(config(service)) as url:
        (got,) = await talk(url, post(question(translated=translated), PATH, *betas))
    assert got.status == 200
    assert [(sent or "").replace(" ", "") for sent in seen(service)] == ["a-1,b-2"]
