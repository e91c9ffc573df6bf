"""Embeddings of Vertex AI: each model by its own method, as Google's own client asks, for callers of all protocols."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from dragoman import Client
from dragoman.errors import BadEventError, NoOperationError, RateLimitError
from dragoman.protocols.gemini.vertex_embeddings import MAX_INPUTS, MAX_TOKENS
from dragoman.providers.clouds.vertex import embed_method
from tests.providers.clouds.fakes import BEARER, CLOUDS, JSON, PROJECT
from tests.support.gateway import ask, running_gateway
from tests.support.server import Exchange, Server, serve

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

CLOUD = CLOUDS["vertex"]
MODELS = f"{PROJECT}/publishers/google/models"
OLD, FIRST, NEWER = "text-embedding-005", "gemini-embedding-001", "gemini-embedding-2-preview"
KNOWN: dict[str, set[str]] = {
    "predict": {"instances", "parameters"},
    "instance": {"content", "task_type", "title"},
    "embedContent": {"content", "embedContentConfig"},
}


def _vector(text: str) -> list[float]:
    return [float(len(text)), 0.5]


def _predicted(body: dict[str, Any], most: int) -> dict[str, Any]:
    texts = [each["content"] for each in body["instances"]]
    assert len(texts) <= most
    assert set(body) <= KNOWN["predict"]
    assert all(set(each) <= KNOWN["instance"] for each in body["instances"])
    found = [
        {"embeddings": {"values": _vector(text), "statistics": {"truncated": False, "token_count": len(text)}}}
        for text in texts
    ]
    return {"predictions": found, "metadata": {"billableCharacterCount": 9}}


def _embedded(body: dict[str, Any]) -> dict[str, Any]:
    assert set(body) <= KNOWN["embedContent"]
    assert body["content"]["role"] == "user"
    (part,) = body["content"]["parts"]
    counts = {"promptTokenCount": len(part["text"]), "totalTokenCount": len(part["text"])}
    return {"embedding": {"values": _vector(part["text"])}, "usageMetadata": counts, "truncated": False}


async def vertex(exchange: Exchange) -> None:
    """A service that is strict as the real one."""
    request = exchange.request
    model, _, method = request.path.removeprefix(f"{MODELS}/").partition(":")
    body = json.loads(request.body)
    assert request.headers["authorization"] == BEARER[1]
    assert method == ("embedContent" if model == NEWER else "predict")
    reply = _embedded(body) if model == NEWER else _predicted(body, 1 if model == FIRST else MAX_INPUTS)
    await exchange.reply(200, JSON, json.dumps(reply).encode())


@asynccontextmanager
async def called(replies: Any = vertex) -> AsyncIterator[tuple[Client, Server]]:
    async with serve(replies) as service, Client(CLOUD.config(service.url)) as client:
        yield client, service


@pytest.mark.parametrize(
    ("model", "method", "most"),
    [
        (OLD, "predict", 250),
        ("text-multilingual-embedding-002", "predict", 250),
        ("endpoints/123", "predict", 250),
        (FIRST, "predict", 1),
        (NEWER, "embedContent", 1),
        ("publishers/google/models/gemini-embedding-2", "embedContent", 1),
        ("publishers/intfloat/models/multilingual-e5-large-instruct-maas", "embedContent", 1),
    ],
)
def test_each_model_has_its_method(model: str, method: str, most: int) -> None:
    assert (embed_method(model).name, embed_method(model).most) == (method, most)


@pytest.mark.parametrize(("model", "requests"), [(OLD, 1), (FIRST, 3), (NEWER, 3)])
async def test_texts_come_back_as_vectors_in_their_order_with_a_count(model: str, requests: int) -> None:
    async with called() as (client, service):
        found = await client.embed(f"up/{model}", ["a", "bbb", "cc"])
    assert found.lists == [[1.0, 0.5], [3.0, 0.5], [2.0, 0.5]]
    assert found.usage is not None
    assert (found.usage.input_tokens, found.losses, len(service.requests)) == (6, (), requests)


@pytest.mark.parametrize("model", [OLD, NEWER])
async def test_we_ask_as_google_s_own_client_asks(model: str) -> None:
    texts = ["a"] if model == NEWER else ["a", "b"]
    async with called() as (client, service):
        caller = genai.Client(
            vertexai=True,
            project="p-1",
            location="europe-west1",
            credentials=Credentials("sk-1"),  # type: ignore[no-untyped-call]
            http_options=types.HttpOptions(base_url=service.url, api_version="v1"),
        )
        asked: Any = texts
        config = types.EmbedContentConfig(
            task_type="RETRIEVAL_DOCUMENT", title="t", output_dimensionality=2, auto_truncate=False
        )
        theirs = await caller.aio.models.embed_content(model=model, contents=asked, config=config)
        ours = await client.embed(f"up/{model}", texts, task="search_document", title="t", dimensions=2, truncate=False)
    first, second = service.requests
    assert (first.path, json.loads(first.body)) == (second.path, json.loads(second.body))
    assert [each.values for each in theirs.embeddings or ()] == ours.lists


async def test_more_texts_than_one_request_may_have_go_in_several() -> None:
    long = "x" * 4 * (MAX_TOKENS // 2 + 1)
    async with called() as (client, service):
        assert len((await client.embed(f"up/{OLD}", ["a"] * (2 * MAX_INPUTS + 1))).vectors) == 2 * MAX_INPUTS + 1
        sizes = [len(json.loads(each.body)["instances"]) for each in service.requests]
        service.requests.clear()
        found = await client.embed(f"up/{OLD}", ["a", long, long, 3 * long, "b", "c"])
        by_tokens = [len(json.loads(each.body)["instances"]) for each in service.requests]
    assert sizes == [MAX_INPUTS, MAX_INPUTS, 1]
    assert (by_tokens, [numbers[0] for numbers in found.lists]) == (
        [2, 1, 1, 2],
        [1, len(long), len(long), 3 * len(long), 1, 1],
    )


FRONTS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai": ("/v1/embeddings", {"input": ["ab", "c"], "dimensions": 2}),
    "gemini": (
        "/v1beta/models/{}:batchEmbedContents",
        {
            "requests": [
                {"content": {"parts": [{"text": text}]}, "outputDimensionality": 2, "taskType": "CLUSTERING"}
                for text in ("ab", "c")
            ]
        },
    ),
    "ollama": ("/api/embed", {"input": ["ab", "c"], "dimensions": 2, "truncate": False}),
}


@pytest.mark.parametrize("model", [OLD, FIRST, NEWER])
@pytest.mark.parametrize("front", FRONTS)
async def test_every_front_gets_vectors_and_nothing_is_lost(front: str, model: str) -> None:
    path, body = FRONTS[front]
    async with serve(vertex) as service, running_gateway(CLOUD.config(service.url)) as url:
        said = body if front == "gemini" else body | {"model": f"up/{model}"}
        got = await ask(url, "POST", path.format(f"up/{model}"), JSON, json.dumps(said).encode())
    assert (got.status, got.headers.get("x-dragoman-losses")) == (200, None), got.text
    told = json.loads(got.body)
    vectors = told.get("data") or told["embeddings"]
    named = {"openai": "embedding", "gemini": "values"}.get(front)
    assert [each if named is None else each[named] for each in vectors] == [[2.0, 0.5], [1.0, 0.5]]
    sent = json.loads(service.requests[0].body)
    assert 2 in {*sent.get("parameters", {}).values(), *sent.get("embedContentConfig", {}).values()}


@pytest.mark.parametrize(("model", "lost"), [(OLD, "gemini.embedContentConfig"), (NEWER, None)])
async def test_a_setting_that_one_method_has_is_a_loss_at_the_other(model: str, lost: str | None) -> None:
    config = {"documentOcr": True, "taskType": None}
    body = {"content": {"parts": [{"text": "a"}]}, "taskType": "CLUSTERING", "embedContentConfig": config}
    async with serve(vertex) as service, running_gateway(CLOUD.config(service.url)) as url:
        path = f"/v1beta/models/up/{model}:embedContent"
        got = await ask(url, "POST", path, JSON, json.dumps(body).encode())
    sent = json.loads(service.requests[0].body)
    assert (got.status, got.headers.get("x-dragoman-losses")) == (200, lost)
    if model == OLD:
        assert sent == {"instances": [{"content": "a", "task_type": "CLUSTERING"}]}
    else:
        assert sent["embedContentConfig"] == {"taskType": "CLUSTERING", "documentOcr": True}


CUT: dict[str, Any] = {
    OLD: {"predictions": [{"embeddings": {"values": [1.0], "statistics": {"truncated": True, "token_count": 9}}}]},
    NEWER: {"embedding": {"values": [1.0]}, "truncated": True},
}


@pytest.mark.parametrize("model", CUT)
async def test_a_text_that_was_cut_is_said_to_be(model: str) -> None:
    async def cuts(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, json.dumps(CUT[model]).encode())

    one = json.dumps({"content": {"parts": [{"text": "a"}]}}).encode()
    texts = json.dumps({"model": f"up/{model}", "input": "a"}).encode()
    async with serve(cuts) as service, running_gateway(CLOUD.config(service.url)) as url:
        other = await ask(url, "POST", "/v1/embeddings", JSON, texts)
        own = await ask(url, "POST", f"/v1beta/models/up/{model}:embedContent", JSON, one)
    assert other.headers["x-dragoman-losses"] == "answer.truncated"
    assert json.loads(own.body)["truncated"] is True


async def test_what_one_of_several_replies_says_is_said_of_all() -> None:
    async def cuts(exchange: Exchange) -> None:
        cut = json.loads(exchange.request.body)["content"]["parts"][0]["text"] == "b"
        await exchange.reply(200, JSON, json.dumps({"embedding": {"values": [1.0]}, "truncated": cut}).encode())

    async with called(cuts) as (client, _):
        found = await client.embed(f"up/{NEWER}", ["a", "b", "c"])
    assert found.extra == {"gemini": {"truncated": True}}


async def test_texts_in_tokens_are_refused_before_the_service_is_asked() -> None:
    async with called() as (client, service):
        with pytest.raises(NoOperationError, match="no texts in tokens"):
            await client.embed(f"up/{OLD}", [[1, 2]])
    assert service.requests == []


@pytest.mark.parametrize("model", [OLD, NEWER])
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (429, {"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}, RateLimitError),
        (200, {"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}, RateLimitError),
        (200, {"predictions": []}, BadEventError),
        (200, {"predictions": ["a"]}, BadEventError),
        (200, {"predictions": [{"embeddings": {"values": "a"}}]}, BadEventError),
        (200, {"embedding": {}}, BadEventError),
        (200, [], BadEventError),
    ],
)
async def test_what_is_no_vector_is_an_error(model: str, status: int, body: Any, error: type[Exception]) -> None:
    async def answers(exchange: Exchange) -> None:
        await exchange.reply(status, JSON, json.dumps(body).encode())

    async with called(answers) as (client, _):
        with pytest.raises(error, match=r"^up: "):
            await client.embed(f"up/{model}", "a", retries=0)
