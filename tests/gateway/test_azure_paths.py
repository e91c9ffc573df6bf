"""Azure's paths: what a service gets of such a request, and that all that holds for OpenAI's paths holds for them."""

import json
import re
from typing import Any

import pytest
from msgspec.structs import replace
from websockets.asyncio.client import connect as open_socket

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.gateway import ServerTimeouts
from dragoman.types import Outcome
from tests.support.gateway import ask, connect, running, running_gateway
from tests.support.golden import cases
from tests.support.over import over
from tests.support.relaying import EVENTS, JSON, both_paths
from tests.support.server import Exchange, serve

VERSION = "api-version=2025-04-01-preview"
DEPLOYED = f"/openai/deployments/up/m/%s?{VERSION}"
TURN = {"messages": [{"role": "user", "content": "hi"}]}
KEYED = Config(gateway=GatewayConfig(port=0, api_keys=("key-one",), cors_origins=("https://page.example",)))

NAMES: dict[str, bytes] = {
    "none": b'{"x":1.0,%s}',
    "null": b'{"model":null,"x":1.0,%s}',
    "empty": b'{"model":"","x":1.0,%s}',
    "the same": b'{"model":"up/m","x":1.0,%s}',
    "another": b'{"model":"gpt-4o","x":1.0,%s}',
    "the service's": b'{"model":"m","x":1.0,%s}',
    "a route": b'{"model":"other/n","x":1.0,%s}',
    "another, and the deployment elsewhere": b'{"model":"gpt-4o","x":1.0,"z":{"model":"up/m"},%s}',
    "written by hand": b'{ "x": 1.0, "model": "gpt-4o", %s }',
    "with escapes": b'{"model":"gpt\\u002d4o","x":1.0,%s}',
}
TEXTS = {"chat/completions": b'"messages":[{"role":"user","content":"%s"}]', "completions": b'"prompt":"%s"'}


@pytest.mark.parametrize("length", [2, 300 << 10])
@pytest.mark.parametrize("operation", TEXTS)
@pytest.mark.parametrize("named", NAMES.values(), ids=list(NAMES))
async def test_a_relayed_body_names_the_deployment_in_the_path(named: bytes, operation: str, length: int) -> None:
    asked = named % (TEXTS[operation] % (b"h" * length))
    choice = {"index": 0, "message": {"role": "assistant", "content": "a"}, "text": "a", "finish_reason": "stop"}

    async def answers(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, json.dumps({"id": "c", "choices": [choice]}).encode())

    async with serve(answers) as service:
        up = ProviderConfig(protocol="openai-chat", url=f"{service.url}/v1", api_key="k", completions="/completions")
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"up": up})) as url:
            got = await ask(url, "POST", DEPLOYED % operation, JSON, asked)
        (seen,) = service.requests
    assert (got.status, seen.path) == (200, f"/v1/{operation}")
    assert b'"x":1.0' in seen.body.replace(b" ", b"")
    assert json.loads(seen.body) == json.loads(asked) | {"model": "m"}
    assert len(re.findall(rb'[{,]\s*"model"', seen.body)) == 1 + (b'"z"' in named)


async def test_a_relayed_body_names_the_deployment_whose_service_has_the_same_name_for_it() -> None:
    async def answers(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}')

    async with serve(answers) as service:
        config = replace(over(f"{service.url}/v1"), models={"m": ModelConfig(targets=("up/m",))})
        async with running_gateway(config) as url:
            asked = json.dumps({"model": "gpt-4o", **TURN}, separators=(",", ":")).encode()
            got = await ask(url, "POST", "/openai/deployments/m/chat/completions", JSON, asked)
        assert (got.status, json.loads(service.requests[0].body)["model"]) == (200, "m")


@pytest.mark.parametrize("named", [{}, {"model": "gpt-4o"}])
async def test_the_same_is_asked_for_relayed_and_translated(named: dict[str, str]) -> None:
    answer = cases("openai-chat")["text"].reply

    async def streams(exchange: Exchange) -> None:
        await exchange.head(200, EVENTS)
        await exchange.chunk(answer)
        await exchange.end()

    async with both_paths() as paths:
        paths.script.append(streams)
        asked = json.dumps({**named, **TURN, "stream": True}).encode()
        for url in (paths.relay, paths.translate):
            got = await ask(url, "POST", DEPLOYED % "chat/completions", JSON, asked)
            assert (got.status, got.clean, got.body.rstrip().endswith(b"[DONE]")) == (200, True, True)
        assert [json.loads(each.body)["model"] for each in paths.service.requests] == ["m", "m"]
        assert not any(b"api-version" in each.path.encode() for each in paths.service.requests)


async def test_an_embedding_is_of_the_deployment() -> None:
    async def embeds(exchange: Exchange) -> None:
        assert json.loads(exchange.request.body)["model"] == "m"
        await exchange.reply(200, JSON, b'{"data": [{"index": 0, "embedding": [0.5]}]}')

    async with serve(embeds) as service, running_gateway(over(f"{service.url}/v1")) as url:
        for model in ({}, {"model": "text-embedding-3-small"}):
            asked = json.dumps({**model, "input": "a"}).encode()
            got = await ask(url, "POST", DEPLOYED % "embeddings", JSON, asked)
            assert (got.status, json.loads(got.body)["model"]) == (200, "up/m")


@pytest.mark.parametrize("operation", ["chat/completions", "completions"])
async def test_a_deployment_without_a_name_is_the_default_model(operation: str) -> None:
    body: dict[str, Any] = TURN if operation.startswith("chat") else {"prompt": "hi"}
    config = Config(gateway=GatewayConfig(port=0, default_model="offline/echo"))
    async with running_gateway(config) as url:
        got = await ask(url, "POST", f"/openai/deployments//{operation}", JSON, json.dumps(body).encode())
    assert (got.status, json.loads(got.body)["model"]) == (200, "offline/echo")


async def test_a_name_with_slashes_may_be_escaped() -> None:
    models = {"a/chat/ü": ModelConfig(targets=("offline/echo",))}
    async with running_gateway(Config(gateway=GatewayConfig(port=0), models=models)) as url:
        for name in ("a/chat/%C3%BC", "a%2Fchat%2F%c3%bc"):
            path = f"/openai/deployments/{name}/chat/completions"
            got = await ask(url, "POST", path, JSON, json.dumps(TURN).encode())
            assert (got.status, json.loads(got.body)["model"]) == (200, "a/chat/ü")


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("POST", "/openai/deployments/fasd/chat/completions", 404, "there is no model 'fasd'"),
        ("GET", "/openai/deployments/m/chat/completions", 405, "expected POST, got GET"),
        ("DELETE", "/openai/v1/models", 405, "expected GET, got DELETE"),
        ("PATCH", "/openai/responses/resp_1", 405, "expected GET, DELETE, got PATCH"),
        ("GET", "/openai/v1/responses", 426, "expected a WebSocket"),
        ("POST", "/openai/chat/completions", 404, "POST /openai/v1/chat/completions is"),
        ("POST", "/openai/deployments/m/images/generations", 404, "is not served here"),
        ("POST", "/openai/v1/openai/deployments/m/embeddings", 404, "POST /openai/deployments/{model}/embeddings is"),
    ],
)
async def test_what_is_not_served_is_said_in_openai_s_words(method: str, path: str, status: int, words: str) -> None:
    headers = {"api-key": "key-one", "anthropic-version": "2023-06-01"} | JSON
    async with running_gateway(KEYED) as url:
        got = await ask(url, method, f"{path}?{VERSION}", headers, json.dumps(TURN).encode())
    error = json.loads(got.body)["error"]
    assert (got.status, words in error["message"]) == (status, True), error
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "path", ["/openai/deployments/fast/chat/completions", "/openai/responses", "/openai/v1/models"]
)
async def test_a_page_may_ask_with_azure_s_key(path: str) -> None:
    page = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    async with running_gateway(KEYED) as url:
        before = await ask(url, "OPTIONS", path, page | {"Access-Control-Request-Headers": "api-key,content-type"})
        refused = await ask(url, "POST", path, page | JSON, b"{}")
    assert (before.status, before.headers["access-control-allow-headers"]) == (204, "api-key,content-type")
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, "https://page.example")


@pytest.mark.parametrize(("named", "carried"), [("up/m", "relayed"), ("other/m", "translated")])
async def test_it_is_explained(named: str, carried: str) -> None:
    up = ProviderConfig(protocol="openai-chat", url="http://127.0.0.1:9/v1")
    other = ProviderConfig(protocol="anthropic", url="http://127.0.0.1:9")
    asked = {"path": f"/openai/deployments/{named}/chat/completions?{VERSION}", "body": TURN | {"model": "gpt-4o"}}
    config = Config(gateway=GatewayConfig(port=0), providers={"up": up, "other": other})
    async with running_gateway(config) as url:
        found = json.loads((await ask(url, "POST", "/explain", JSON, json.dumps(asked).encode())).body)
    assert (found["model"], found["carried"], found["protocol"]) == (named, carried, "openai-chat")
    assert json.loads(found["request"]["body"])["model"] == "m"
    assert "api-version" not in found["request"]["url"]


async def test_its_outcome_names_the_front_and_the_deployment() -> None:
    outcomes: list[Outcome] = []
    async with running(observers=[outcomes.append]) as up:
        paths = ("deployments/offline/echo/chat/completions", "deployments/offline/echo/embeddings", "v1/responses")
        for path, body in zip(paths, (TURN, {"input": "a"}, {"model": "offline/echo", "input": "a"}), strict=True):
            got = await ask(up.url, "POST", f"/openai/{path}?{VERSION}", JSON, json.dumps(body).encode())
            assert got.status == 200
    assert [(each.front, each.model) for each in outcomes] == [
        ("openai-chat", "offline/echo"),
        ("openai-chat", "offline/echo"),
        ("openai-responses", "offline/echo"),
    ]


async def test_a_lost_stream_is_resumed() -> None:
    config = Config(gateway=GatewayConfig(port=0, resume=30.0))
    path = f"/openai/deployments/offline/script/chat/completions?{VERSION}"
    turn = {"messages": [{"role": "user", "content": "text: one two three"}], "stream": True}
    asked = json.dumps(turn).encode()
    async with running_gateway(config, timeouts=ServerTimeouts(grace=0)) as url:
        whole = await ask(url, "POST", path, JSON, asked)
        name = whole.headers["x-dragoman-stream"]
        rest = await ask(url, "POST", path, JSON | {"Last-Event-ID": f"{name}:1"}, asked)
        other = path.replace("script", "echo")
        mismatch = await ask(url, "POST", other, JSON | {"Last-Event-ID": f"{name}:1"}, asked)
    assert rest.status == 200
    assert rest.clean
    assert whole.body.endswith(rest.body)
    assert mismatch.status == 409


@pytest.mark.parametrize("path", ["/openai/v1/responses", "/openai/responses"])
async def test_responses_over_a_websocket(path: str) -> None:
    async with running_gateway(KEYED) as url:
        address = f"{url.replace('http', 'ws')}{path}?{VERSION}"
        async with open_socket(address, additional_headers={"api-key": "key-one"}, proxy=None) as socket:
            await socket.send(json.dumps({"type": "response.create", "model": "offline/echo", "input": "hi"}))
            while (event := json.loads(await socket.recv()))["type"] != "response.completed":
                pass
    assert event["response"]["output"][0]["content"][0]["text"] == "hi"


@pytest.mark.parametrize("path", ["/openai/v1/responses", "/openai/responses"])
async def test_a_service_that_keeps_an_answer_is_asked_without_the_version(path: str) -> None:
    content = [{"type": "output_text", "text": "a", "annotations": []}]
    output = [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}]
    said = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": output}
    answer = json.dumps(said).encode()

    async def answers(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, answer)

    async with serve(answers) as service, running_gateway(over(f"{service.url}/v1", "openai-responses")) as url:
        asked = b'{"model": "up/m", "input": "hi", "store": true}'
        assert (await ask(url, "POST", f"{path}?{VERSION}", JSON, asked)).status == 200
        assert (await ask(url, "GET", f"{path}/resp_1?{VERSION}", JSON)).body == answer
        listed = f"{path}/resp_1/input_items?{VERSION}&limit=2"
        assert (await ask(url, "GET", listed, JSON)).status == 200
        assert (await ask(url, "GET", f"/v1/responses/resp_1?{VERSION}", JSON)).body == answer
        assert [each.path for each in service.requests] == [
            "/v1/responses",
            "/v1/responses/resp_1",
            "/v1/responses/resp_1/input_items?limit=2",
            "/v1/responses/resp_1",
        ]


async def test_connections_keep_deployments_apart() -> None:
    async with running_gateway() as url, connect(url) as wire:
        for model in ("offline/echo", "offline/script") * 3:
            path = f"/openai/deployments/{model}/chat/completions?{VERSION}"
            wire.send("POST", path, JSON, json.dumps({"messages": [{"role": "user", "content": "text: a"}]}).encode())
            got = json.loads((await wire.answer()).body)
            said = "text: a" if model.endswith("echo") else "a"
            assert (got["model"], got["choices"][0]["message"]["content"]) == (model, said)
