"""What Claude Code asks beside its turns, and how it heals itself."""

import json

import pytest

from tests.agents.contract import CONTRACTS
from tests.agents.stage import MODEL, config, post, stage
from tests.matrix.dialects import SERVICES
from tests.matrix.exchange import dumped
from tests.matrix.scenes import Answer, Json, Say
from tests.support.gateway import Running, ask, connect, running
from tests.support.server import Exchange, serve

AGENT = CONTRACTS["claude-code"]
KEY = {"Authorization": "Bearer key-of-caller", "anthropic-version": "2023-06-01"}
NOBODY = "http://127.0.0.1:9"


@pytest.mark.parametrize("path", ["/api/hello", "/"])
async def test_the_probe_before_the_start_is_answered_without_a_key(path: str) -> None:
    async with running(config(NOBODY, "anthropic")) as up:
        got = await head(up, path)
    assert got < 500


async def head(up: Running, path: str) -> int:
    async with connect(up.url) as wire:
        wire.send("HEAD", path, {"User-Agent": "Bun/1.4.6", "Accept": "*/*"})
        return await wire.head()


async def test_the_list_of_models_has_anthropics_form() -> None:
    async with running(config(NOBODY, "anthropic")) as up:
        got = await ask(up.url, "GET", "/v1/models?limit=1000", KEY | {"User-Agent": "claude-code/2.1.332"})
    said = json.loads(got.body)
    assert got.status == 200
    assert all(model["type"] == "model" and model["id"] for model in said["data"])
    assert said["has_more"] is False


@pytest.mark.parametrize("service", SERVICES)
async def test_tokens_are_counted_or_estimated_everywhere(service: str) -> None:
    body = {name: value for name, value in AGENT.body.items() if name not in {"max_tokens", "stream", "metadata"}}
    body |= {"model": f"{service}/{MODEL}", "tools": []}

    async def refuse(exchange: Exchange) -> None:
        await exchange.reply(404, {"content-type": "application/json"}, b'{"error": {"message": "no such path"}}')

    async with serve(refuse) as up, running(config(up.url, service)) as gateway:
        path = "/v1/messages/count_tokens?beta=true"
        headers = AGENT.headers | {"Content-Type": "application/json"}
        got = await ask(gateway.url, "POST", path, headers, dumped(body).encode())
    assert got.status in {200, 404}, got.text
    if got.status == 200:
        assert json.loads(got.body)["input_tokens"] > 0


@pytest.mark.parametrize("service", SERVICES)
async def test_the_fallback_that_is_not_streamed_is_answered_whole(service: str) -> None:
    async with stage(AGENT.front, service, [Answer((Say("Yes."),))]) as up:
        path, asked = AGENT.asked(up.model)
        got = await post(up, AGENT, path, asked | {"stream": False, "max_tokens": 64000})
    assert (got.status, got.headers["content-type"]) == (200, "application/json")
    said = json.loads(got.body)
    assert (said["content"][0]["text"], said["stop_reason"]) == ("Yes.", "end_turn")


async def test_query_betas_and_attribution_reach_anthropic() -> None:
    async with stage(AGENT.front, "anthropic", [Answer((Say("Yes."),))]) as up:
        path, asked = AGENT.asked(up.model)
        await post(up, AGENT, path, asked)
    (request,) = up.requests
    assert request.path.startswith("/v1/messages")
    assert request.headers["anthropic-beta"] == AGENT.headers["anthropic-beta"]
    assert request.headers["x-claude-code-session-id"] == AGENT.headers["X-Claude-Code-Session-Id"]
    assert request.headers["x-api-key"] == "key-of-service"
    assert "authorization" not in request.headers


HEALING = [
    (400, "context_management: Extra inputs are not permitted"),
    (400, "Unexpected value(s) `per-turn-control-2026-07-01` for the `anthropic-beta` header."),
    (400, "messages.1.role: Input should be 'user' or 'assistant'"),
    (400, "thinking.type: adaptive is not supported on this model. Use \"enabled\" & a budget — 'x' <y> \u00fc"),
    (400, "prompt is too long: 212345 tokens > 200000 maximum"),
    (413, "Request exceeds the maximum allowed number of bytes."),
]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("status", "message"), HEALING)
async def test_the_words_by_which_it_drops_a_feature_are_anthropics_own(
    status: int, message: str, stream: bool
) -> None:
    kind = "invalid_request_error" if status == 400 else "request_too_large"
    said: Json = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}

    async def refuse(exchange: Exchange) -> None:
        await exchange.reply(status, {"content-type": "application/json"}, dumped(said).encode())

    async with serve(refuse) as up, running(config(up.url, "anthropic")) as gateway:
        path, asked = AGENT.asked(f"anthropic/{MODEL}")
        headers = AGENT.headers | {"Content-Type": "application/json"}
        got = await ask(gateway.url, "POST", path, headers, dumped(asked | {"stream": stream}).encode())
    error = json.loads(got.body)["error"]
    assert (got.status, error["type"], error["message"]) == (status, kind, message)
