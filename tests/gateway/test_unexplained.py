"""An answer without content whose reason a caller's protocol has no word for: as `stop` it would look whole."""

import json
from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.types import Outcome
from tests.shape.voices import VOICES, Answer
from tests.support.gateway import Got, ask, running, running_gateway
from tests.support.server import Exchange, serve

MESSAGES = [{"role": "user", "content": "x"}]
ASKED: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": MESSAGES},
    "/v1/messages": {"messages": MESSAGES, "max_tokens": 9},
    "/v1/responses": {"input": "x"},
    "/api/chat": {"messages": MESSAGES},
}
BROKEN = {"candidates": [{"content": {}, "finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "secret words"}]}
SPOKEN = {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "MALFORMED_FUNCTION_CALL"}]}


async def answered(path: str, reply: dict[str, Any], *, stream: bool) -> Got:
    async def handler(exchange: Exchange) -> None:
        await exchange.reply(
            headers={"content-type": "text/event-stream"}, body=f"data: {json.dumps(reply)}\r\n\r\n".encode()
        )

    async with serve(handler) as up:
        providers = {"up": ProviderConfig(protocol="gemini", url=up.url, api_key="k")}
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers=providers)) as url:
            body = json.dumps({"model": "up/m", "stream": stream} | ASKED[path]).encode()
            return await ask(url, "POST", path, {"content-type": "application/json"}, body)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/chat/completions", 502), ("/v1/messages", 502), ("/v1/responses", 200), ("/api/chat", 200)],
)
async def test_it_is_an_error_that_names_the_reason_unless_the_protocol_has_a_place_for_it(
    path: str, status: int, stream: bool
) -> None:
    got = await answered(path, BROKEN, stream=stream)
    assert got.status == status
    assert b"MALFORMED_FUNCTION_CALL" in got.body
    assert status == 200 or b"secret words" not in got.body


async def broken(exchange: Exchange) -> None:
    await exchange.reply(
        headers={"content-type": "text/event-stream"}, body=f"data: {json.dumps(BROKEN)}\r\n\r\n".encode()
    )


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("second", ["openai-chat", "anthropic"])
async def test_as_nothing_has_gone_out_the_next_target_is_asked(second: str, stream: bool) -> None:
    outcomes: list[Outcome] = []
    voice = VOICES[second]

    async def answering(exchange: Exchange) -> None:
        kind, pieces = voice.reply(Answer("hello"), voice.streams(exchange.request))
        await exchange.reply(headers={"content-type": kind}, body=b"".join(pieces))

    async with serve(broken) as one, serve(answering) as two:
        config = Config(
            gateway=GatewayConfig(port=0),
            providers={
                "one": ProviderConfig(protocol="gemini", url=one.url, api_key="k"),
                "two": ProviderConfig(protocol=second, url=two.url + voice.base, api_key="k"),
            },
            models={"route": ModelConfig(targets=("one/m", "two/m"))},
        )
        async with running(config, observers=[outcomes.append]) as up:
            body = json.dumps({"model": "route", "stream": stream} | ASKED["/v1/chat/completions"]).encode()
            got = await ask(up.url, "POST", "/v1/chat/completions", {"content-type": "application/json"}, body)
    assert (got.status, got.headers["x-dragoman-target"], got.headers["x-dragoman-attempts"]) == (200, "two/m", "2")
    assert VOICES["openai-chat"].read(got, stream).text == "hello"
    (outcome,) = outcomes
    assert [(each.target, each.code, each.upstream_status) for each in outcome.attempts] == [
        ("one/m", "empty_answer", 200)
    ]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ASKED)
async def test_with_content_it_is_an_answer(path: str, stream: bool) -> None:
    assert (await answered(path, SPOKEN, stream=stream)).status == 200
