"""Services of clouds are asked by callers of all protocols, translated and relayed, streamed and whole."""

import json
from typing import Any

import pytest

from dragoman import Client
from tests.providers.clouds.fakes import CLOUDS, EVENTS, JSON, PROJECT, STREAM, TEXT, Cloud, Fake
from tests.support.gateway import ask, running_gateway
from tests.support.server import Exchange, serve

HI = {"role": "user", "content": "hi"}


def question(front: str, model: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    """The path and the body of a caller's request."""
    contents = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    found: dict[str, tuple[str, dict[str, Any]]] = {
        "openai-chat": ("/v1/chat/completions", {"model": model, "messages": [HI], "stream": stream}),
        "openai-responses": ("/v1/responses", {"model": model, "input": "hi", "stream": stream}),
        "anthropic": ("/v1/messages", {"model": model, "max_tokens": 9, "messages": [HI], "stream": stream}),
        "gemini": (f"/v1beta/models/{model}:{method}", contents),
        "ollama": ("/api/chat", {"model": model, "messages": [HI], "stream": stream}),
    }
    return found[front]


FRONTS = ("openai-chat", "openai-responses", "anthropic", "gemini", "ollama")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
async def test_every_front_reaches_every_cloud(cloud: Cloud, front: str, stream: bool) -> None:
    fake = Fake(cloud)
    async with serve(fake) as service, running_gateway(cloud.config(service.url)) as url:
        path, body = question(front, f"up/{cloud.model}", stream=stream)
        got = await ask(url, "POST", path, JSON, json.dumps(body).encode())
    assert (fake.refused, got.status, len(service.requests)) == ([], 200, 1)
    assert TEXT in got.body.decode() or json.dumps(TEXT)[1:-1] in got.body.decode()
    (request,) = service.requests
    streamed = json.loads(request.body).get("stream") or request.path == cloud.stream != cloud.whole
    assert bool(streamed) is (stream or front != cloud.protocol)


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
async def test_tokens_are_counted_where_the_service_counts(cloud: Cloud) -> None:
    fake = Fake(cloud)
    async with serve(fake) as service, Client(cloud.config(service.url)) as client:
        count = await client.count_tokens(f"up/{cloud.model}", "hi")
    assert fake.refused == []
    assert (count.estimated, [request.path for request in service.requests]) == (
        not cloud.count,
        [cloud.count] if cloud.count else [],
    )
    assert cloud.count == "" or count.input_tokens == 11


@pytest.mark.parametrize("front", ["openai-chat", "anthropic", "gemini"])
@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
async def test_a_refusal_is_told_in_the_callers_protocol_without_the_key(cloud: Cloud, front: str) -> None:
    async def refuses(exchange: Exchange) -> None:
        error = {"code": 401, "message": "bad sk-1", "status": "UNAUTHENTICATED", "type": "authentication_error"}
        await exchange.reply(401, JSON, json.dumps({"type": "error", "error": error}).encode())

    async with serve(refuses) as service, running_gateway(cloud.config(service.url)) as url:
        path, body = question(front, f"up/{cloud.model}", stream=False)
        got = await ask(url, "POST", path, JSON, json.dumps(body).encode())
    assert got.status >= 400
    assert "sk-1" not in got.body.decode()
    assert json.loads(got.body)["error"]["message"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_relayed_request_to_claude_in_vertex_keeps_all_its_other_fields(stream: bool) -> None:
    cloud = CLOUDS["vertexanthropic"]
    fake = Fake(cloud)
    body = {
        "model": f"up/{cloud.model}",
        "max_tokens": 9,
        "messages": [HI],
        "stream": stream,
        "odd": {"model": "a", "n": 1.50},
        "anthropic_version": "mine",
    }
    headers = JSON | {"anthropic-beta": "context-1m-2025-08-07"}
    async with serve(fake) as service, running_gateway(cloud.config(service.url)) as url:
        got = await ask(url, "POST", "/v1/messages", headers, json.dumps(body).encode())
    sent = json.loads(service.requests[0].body)
    del body["model"]
    assert sent == body | {"anthropic_version": "vertex-2023-10-16"}
    assert service.requests[0].headers["anthropic-beta"] == "context-1m-2025-08-07"
    assert got.headers["content-type"].startswith("text/event-stream" if stream else "application/json")
    assert fake.refused == []


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ["vertex", "vertex-express"])
async def test_gemini_in_vertex_gets_the_role_that_the_gemini_api_does_not_need(name: str, stream: bool) -> None:
    cloud = CLOUDS[name]
    fake = Fake(cloud)
    async with serve(fake) as service, running_gateway(cloud.config(service.url)) as url:
        path, _ = question("gemini", f"up/{cloud.model}", stream=stream)
        got = await ask(url, "POST", path, JSON, b'{"contents":[{"parts":[{"text":"hi"}]}]}')
    assert (fake.refused, got.status) == ([], 200)
    assert TEXT in got.body.decode()


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
async def test_the_version_of_a_caller_stays_that_of_its_body(version: str) -> None:
    cloud = CLOUDS["vertexanthropic"]
    fake = Fake(cloud)
    async with serve(fake) as service, running_gateway(cloud.config(service.url)) as url:
        path, body = question("anthropic", f"up/{cloud.model}", stream=True)
        await ask(url, "POST", path, JSON | {"anthropic-version": version}, json.dumps(body).encode())
    assert fake.refused == []
    sent = json.loads(service.requests[0].body)["anthropic_version"]
    assert sent == {"2023-06-01": "vertex-2023-10-16"}.get(version, version)


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21"])
async def test_the_version_of_an_entry_is_that_of_its_bodies(version: str) -> None:
    cloud = CLOUDS["vertexanthropic"]
    fake = Fake(cloud)
    async with serve(fake) as service, Client(cloud.config(service.url, version=version)) as client:
        await client.chat(f"up/{cloud.model}", "hi")
        await client.count_tokens(f"up/{cloud.model}", "hi")
    assert fake.refused == []
    for request in service.requests:
        assert json.loads(request.body)["anthropic_version"] == {"2023-06-01": "vertex-2023-10-16"}.get(
            version, version
        )


@pytest.mark.parametrize("name", ["vertexanthropic", "vertex"])
@pytest.mark.parametrize("model", ["../../../x", "a/../b", "publishers/../../x", "endpoints/.."])
async def test_a_model_leads_to_no_other_place(model: str, name: str) -> None:
    cloud = CLOUDS[name]
    fake = Fake(cloud)
    async with serve(fake) as service, running_gateway(cloud.config(service.url)) as url:
        for front in ("anthropic", "openai-chat"):
            path, body = question(front, f"up/{model}", stream=False)
            got = await ask(url, "POST", path, JSON, json.dumps(body).encode())
            assert got.status == 404
    assert service.requests == []


@pytest.mark.parametrize("front", ["gemini", "openai-chat"])
@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("publishers/google/models/m-1", f"{PROJECT}/publishers/google/models/m-1"),
        ("endpoints/123", f"{PROJECT}/endpoints/123"),
        ("models/m-1", f"{PROJECT}/publishers/google/models/m-1"),
    ],
)
async def test_a_model_of_a_project_may_say_where_it_is(model: str, path: str, front: str) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.reply(200, EVENTS, STREAM["gemini"])

    async with serve(answer) as service, running_gateway(CLOUDS["vertex"].config(service.url)) as url:
        asked, body = question(front, f"up/{model}", stream=True)
        await ask(url, "POST", asked, JSON, json.dumps(body).encode())
    assert [request.path for request in service.requests] == [f"{path}:streamGenerateContent?alt=sse"]


async def test_a_service_that_lists_no_models_is_not_asked_for_them() -> None:
    for name in ("azureanthropic", "bedrockanthropic", "vertex", "vertexanthropic", "vertexopenai"):
        async with Client(CLOUDS[name].config("http://127.0.0.1:1")) as client:
            assert not client.providers["up"].lists_models()


@pytest.mark.parametrize("name", ["azure", "azureresponses", "bedrock", "bedrockresponses"])
async def test_others_are(name: str) -> None:
    async def lists(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, b'{"object":"list","data":[{"id":"m-1","object":"model"}]}')

    cloud = CLOUDS[name]
    async with serve(lists) as service, Client(cloud.config(service.url)) as client:
        assert "up/m-1" in await client.list_models()
    assert service.requests[0].path == f"{cloud.base}/models"
    assert service.requests[0].headers["authorization"] == "Bearer sk-1"
