"""Google's paths: what is asked of a service, what passes, and how an answer ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.gateway import ServerTimeouts
from tests.support.gateway import Got, ask, connect, running_gateway
from tests.support.server import Exchange, Server, serve

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}
CHUNK = b'data: {"candidates":[{"content":{"parts":[{"text":"%b"}],"role":"model"},"index":0}]}\r\n\r\n'
LAST = (
    b'data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],'
    b'"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":3,"totalTokenCount":5}}\r\n\r\n'
)
FAILURE = b'data: {"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}\r\n\r\n'
BODY = json.dumps({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}).encode()

Script = Callable[[Exchange], Awaitable[None]]


@asynccontextmanager
async def before(script: Script, protocol: str = "gemini", **timeouts: Any) -> AsyncIterator[tuple[str, Server]]:
    """A gateway in front of a service with a protocol."""
    async with serve(script) as up:
        config = Config(
            gateway=GatewayConfig(port=0, default_model="up/m", api_keys=("mine",)),
            providers={
                "up": ProviderConfig(protocol=protocol, url=up.url, api_key="canary"),
                "down": ProviderConfig(protocol="gemini", url="http://127.0.0.1:9", api_key="other"),
            },
            models={"route": ModelConfig(targets=("down/x", "up/m"))},
        )
        async with running_gateway(config, timeouts=ServerTimeouts(grace=0, **timeouts)) as url:
            yield url, up


async def post(url: str, path: str, body: bytes = BODY, **headers: str) -> Got:
    return await ask(url, "POST", path, JSON | {"x-goog-api-key": "mine"} | headers, body)


def answering(*data: bytes, headers: dict[str, str] = EVENTS, status: int = 200, end: bool = True) -> Script:
    async def script(exchange: Exchange) -> None:
        await exchange.head(status, headers=headers)
        for piece in data:
            await exchange.chunk(piece)
        if end:
            await exchange.end()

    return script


@pytest.mark.parametrize("name", ["up/some-model", "up%2Fsome-model", "up/models%2Fsome-model"])
async def test_a_request_is_passed_as_it_came_under_the_service_s_own_path_and_key(name: str) -> None:
    body = b' {"contents":[{"parts":[{"text":"Hi"}]}],\n "generation_config": {"topP": 1.00}}'
    async with before(answering(CHUNK % b"Hello", LAST)) as (url, up):
        got = await post(url, f"/v1beta/models/{name}:streamGenerateContent?alt=sse&key=mine", body)
    (seen,) = up.requests
    assert seen.path == "/v1beta/models/some-model:streamGenerateContent?alt=sse"
    assert seen.body == body
    assert seen.headers["x-goog-api-key"] == "canary"
    assert (got.status, got.clean) == (200, True)
    assert got.body == CHUNK % b"Hello" + LAST
    assert got.headers["content-type"] == "text/event-stream"


@pytest.mark.parametrize("protocol", ["gemini", "openai-chat"])
@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/up/models/a/m",  # Vercel's AI SDK: a name with a slash is the path
        "/v1/up/models/a/m",
        "/v1beta1/publishers/up/models/models/a/m",  # Google's SDK for Vertex AI: `up` as a publisher
        "/v1beta1/publishers/google/models/up/models/a/m",
        "/v1/projects/p/locations/l/publishers/up/models/models/a/m",
        "/v1beta1/projects/p/locations/l/publishers/google/models/up/models/a/m",
    ],
)
async def test_a_name_with_a_slash_may_be_the_path_or_a_publisher_s(path: str, protocol: str) -> None:
    async with before(answering(b"{}", headers=JSON), protocol) as (url, up):
        await post(url, f"{path}:generateContent")
    (seen,) = up.requests
    asked = seen.path if protocol == "gemini" else json.loads(seen.body)["model"]
    assert asked == {"gemini": "/v1beta/models/a/m:generateContent", "openai-chat": "models/a/m"}[protocol]


@pytest.mark.parametrize(
    "method", ["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"]
)
@pytest.mark.parametrize("path", ["/v1beta/m", "/v1beta1/publishers/up", "/v1beta1/projects/p/locations/l"])
async def test_a_path_that_names_no_model_does_not_ask_the_default_one(path: str, method: str) -> None:
    async with before(answering(b"{}", headers=JSON)) as (url, up):
        got = await post(url, f"{path}:{method}", b"{}")
    assert (got.status, up.requests) == (404, [])
    assert f'"expected a path that ends with models/MODEL:{method}"' in got.text


async def test_tokens_of_a_model_whose_name_is_the_path_are_counted() -> None:
    body = json.dumps({"contents": [{"parts": [{"text": "one two three"}]}]}).encode()
    async with before(answering()) as (url, _):
        got = await post(url, "/v1beta/offline/echo:countTokens", body)
    assert (got.status, json.loads(got.body)["totalTokens"]) == (200, 3)


async def test_a_tuned_model_keeps_its_own_path() -> None:
    async with before(answering(CHUNK % b"Hello", LAST)) as (url, up):
        got = await post(url, "/v1/models/up/tunedModels/mine-7:streamGenerateContent?alt=sse")
    assert up.requests[0].path == "/v1beta/tunedModels/mine-7:streamGenerateContent?alt=sse"
    assert got.status == 200


async def test_an_answer_that_is_not_streamed_passes_as_it_came() -> None:
    whole = b'{\n "candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]\n}'
    async with before(answering(whole, headers=JSON)) as (url, up):
        got = await post(url, "/v1/models/up/m:generateContent")
    assert up.requests[0].path == "/v1beta/models/m:generateContent"
    assert (got.status, got.body) == (200, whole)


async def test_without_alt_a_stream_is_an_array() -> None:
    async with before(answering(CHUNK % b"Hel", CHUNK % b"lo", LAST)) as (url, up):
        got = await post(url, "/v1beta/models/up/m:streamGenerateContent")
    assert up.requests[0].path.endswith(":streamGenerateContent?alt=sse")
    assert got.headers["content-type"] == "application/json; charset=UTF-8"
    replies = json.loads(got.body)
    parts = [reply["candidates"][0]["content"]["parts"][0]["text"] for reply in replies]
    assert (parts, replies[-1]["usageMetadata"]["totalTokenCount"]) == (["Hel", "lo", ""], 5)


@pytest.mark.parametrize("query", ["?alt=sse", ""])
async def test_an_answer_that_breaks_off_says_so_and_its_transfer_is_cut(query: str) -> None:
    async with before(answering(CHUNK % b"half", FAILURE)) as (url, _):
        got = await post(url, f"/v1beta/models/up/m:streamGenerateContent{query}")
    assert (got.status, got.clean) == (200, False)
    if query:
        assert got.body.startswith(CHUNK % b"half" + b'data: {"error":{"code":503,"message":"')
        assert got.body.endswith(b"}\r\n\r\n")
    else:
        replies = json.loads(got.body)
        assert (list(replies[-1]), replies[-1]["error"]["status"]) == (["error"], "UNAVAILABLE")


async def test_a_failure_before_content_is_a_status_in_the_service_s_words() -> None:
    said = {
        "error": {
            "code": 429,
            "message": "Slow down.",
            "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}],
        }
    }
    async with before(answering(json.dumps(said).encode(), headers=JSON, status=429)) as (url, _):
        got = await post(url, "/v1beta/models/up/m:streamGenerateContent?alt=sse")
    error = json.loads(got.body)["error"]
    assert (got.status, got.headers["retry-after"]) == (429, "7")
    assert (error["code"], error["status"], error["details"]) == (429, "RESOURCE_EXHAUSTED", said["error"]["details"])
    assert "Slow down." in error["message"]


async def test_the_second_target_of_a_route_is_relayed_too() -> None:
    async with before(answering(CHUNK % b"Hello", LAST)) as (url, up):
        got = await post(url, "/v1beta/models/route:streamGenerateContent?alt=sse")
    assert got.body == CHUNK % b"Hello" + LAST
    assert up.requests[0].path == "/v1beta/models/m:streamGenerateContent?alt=sse"


async def test_a_silence_before_the_first_content_is_bridged_by_blank_lines() -> None:
    go = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.head(headers=EVENTS)
        await go.wait()
        for piece in (CHUNK % b"late", LAST):
            await exchange.chunk(piece)
        await exchange.end()

    async with before(script, head_after=0.02, heartbeat=0.02) as (url, _), connect(url) as wire:
        path = "/v1beta/models/up/m:streamGenerateContent?alt=sse"
        wire.send("POST", path, JSON | {"x-goog-api-key": "mine"}, BODY)
        assert await wire.head() == 200
        assert await wire.chunk() == b"\n"
        go.set()
        got = await wire.rest(200)
    assert got.body.lstrip(b"\n") == CHUNK % b"late" + LAST
    assert got.clean


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("POST", "/v1beta/models/up/m:countAtoms", 404, "NOT_FOUND"),
        ("POST", "/v1/models/up/m:countAtoms", 404, "NOT_FOUND"),
        ("GET", "/v1beta/nothing", 404, "NOT_FOUND"),
        ("POST", "/v1beta/models/nobody/m:generateContent", 404, "NOT_FOUND"),
        ("DELETE", "/v1beta/models/up/m:generateContent", 405, "INVALID_ARGUMENT"),
    ],
)
async def test_what_is_not_served_is_said_in_its_envelope(method: str, path: str, status: int, word: str) -> None:
    async with before(answering(LAST)) as (url, up):
        got = await ask(url, method, path, JSON | {"x-goog-api-key": "mine"}, BODY if method == "POST" else b"")
    error = json.loads(got.body)["error"]
    assert (got.status, error["code"], error["status"]) == (status, status, word)
    assert up.requests == []


CHAT_CALL = (
    b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"toolu_9","function":'
    b'{"name":"f","arguments":"{\\"a\\": 1.0}"}}]}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\ndata: [DONE]\n\n'
)


async def test_a_call_of_another_dialect_comes_back_to_it_with_its_id() -> None:
    path = "/v1beta/models/up/m:streamGenerateContent?alt=sse"
    declared = {"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}
    user = {"role": "user", "parts": [{"text": "Hi"}]}
    async with before(answering(CHAT_CALL), "openai-chat") as (url, up):
        got = await post(url, path, json.dumps({"contents": [user], "tools": [declared]}).encode())
        replies = [json.loads(line[6:]) for line in got.text.split("\r\n") if line]
        turns = [reply["candidates"][0]["content"] for reply in replies]
        call = turns[0]["parts"][0]["functionCall"]
        result = {"functionResponse": {"name": "f", "id": call["id"], "response": {"result": "done"}}}
        body = {"contents": [user, *turns, {"role": "user", "parts": [result]}], "tools": [declared]}
        await post(url, path, json.dumps(body).encode())
    assert call == {"id": "toolu_9", "name": "f", "args": {"a": 1.0}}
    asked = json.loads(up.requests[-1].body)["messages"]
    assert [message["role"] for message in asked] == ["user", "assistant", "tool"]
    assert asked[1]["tool_calls"][0]["id"] == asked[2]["tool_call_id"] == "toolu_9"
    assert asked[2]["content"] == "done"
