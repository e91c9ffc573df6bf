"""An answer without content whose reason a caller's protocol has no word for: as `stop` it would look whole."""

import json
from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ProviderConfig
from tests.support.gateway import Got, ask, running_gateway
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


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ASKED)
async def test_with_content_it_is_an_answer(path: str, stream: bool) -> None:
    assert (await answered(path, SPOKEN, stream=stream)).status == 200
