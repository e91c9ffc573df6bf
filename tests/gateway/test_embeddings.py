"""Embeddings, asked by the vendors' own clients and by hand, over each protocol that has them."""

import json
from typing import Any

import openai
import pytest
from msgspec.structs import replace
from openai import AsyncOpenAI

from dragoman import Client
from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.errors import UnsupportedFeatureError
from dragoman.types import vector
from tests.support.embeddings import EMBEDDING, JSON, texts_in
from tests.support.gateway import ask, running_gateway
from tests.support.over import caller_of, over
from tests.support.server import Exchange, serve


def packed(numbers: list[float]) -> str:
    from base64 import b64encode

    return b64encode(vector(numbers)).decode()


@pytest.mark.parametrize("form", ["float", "base64", None])
async def test_a_service_s_vectors_come_in_the_form_that_was_asked_for(form: str | None) -> None:
    async def embeds(exchange: Exchange) -> None:
        asked = json.loads(exchange.request.body)
        assert (asked["input"], asked["model"], asked["dimensions"]) == (["a", "b"], "m", 2)
        # Without a form the client asks for base64.
        assert asked["encoding_format"] == (form or "base64")
        data = [
            {"object": "embedding", "index": 1, "embedding": packed([0.5, 1.0])},
            {"object": "embedding", "index": 0, "embedding": [0.25, -1.0]},
        ]
        body = {"object": "list", "data": data, "model": "m-1", "usage": {"prompt_tokens": 2, "total_tokens": 2}}
        await exchange.reply(200, JSON, json.dumps(body).encode())

    async with serve(embeds) as service, caller_of(over(f"{service.url}/v1")) as caller:
        more = {} if form is None else {"encoding_format": form}
        got = await caller.embeddings.create(model="up/m", input=["a", "b"], dimensions=2, **more)  # type: ignore[arg-type]
        vectors: list[object] = [each.embedding for each in got.data]
        if form == "base64":
            assert vectors == [packed([0.25, -1.0]), packed([0.5, 1.0])]
        else:
            assert vectors == [[0.25, -1.0], [0.5, 1.0]]
        assert (got.usage.prompt_tokens, got.model) == (2, "up/m")


@pytest.mark.parametrize(
    ("reported", "count", "estimated"),
    [
        ({"usage": {"prompt_tokens": 7, "total_tokens": 7}}, 7, None),
        ({"usage": {"total_tokens": 7}}, 7, None),
        ({"usage": {"prompt_tokens": 0, "total_tokens": 0}}, 0, None),
        ({}, 5, "input_tokens"),
    ],
)
async def test_tokens_of_texts_that_a_service_does_not_count_are_estimated_and_no_zero(
    reported: dict[str, object], count: int, estimated: str | None
) -> None:
    async def embeds(exchange: Exchange) -> None:
        data = [{"embedding": [0.5]}, {"embedding": [0.5]}]
        await exchange.reply(200, JSON, json.dumps({"data": data, **reported}).encode())

    asked = json.dumps({"model": "up/m", "input": ["one two three", [1]]}).encode()
    async with serve(embeds) as service, running_gateway(over(f"{service.url}/v1")) as url:
        got = await ask(url, "POST", "/v1/embeddings", JSON, asked)
    assert json.loads(got.body)["usage"] == {"prompt_tokens": count, "total_tokens": count}
    assert got.headers.get("x-dragoman-estimated") == estimated


async def test_the_offline_model_has_vectors_that_show_words_in_common() -> None:
    async with Client(Config()) as client:
        found = await client.embed("offline/echo", ["a cat sat", "the cat sat", "no"])
    first, second, third = found.lists

    def alike(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert alike(first, second) > alike(first, third)
    assert found.usage is not None
    assert found.usage.input_tokens == 7


BAD: list[tuple[object, str]] = [
    (b"{}", "expected 1 embeddings, got something else"),
    (b'{"data": []}', "expected 1 embeddings"),
    (b'{"data": [{"embedding": "!"}]}', "expected an embedding in base64"),
    ('{"data": [{"embedding": "é"}]}'.encode(), "expected an embedding in base64"),
    (b'{"data": [{"embedding": "AAA="}]}', "whole numbers of 32 bits"),
    (b'{"data": [{"embedding": ["a"]}]}', "expected an embedding of numbers"),
    (b'{"data": [{}]}', "expected an embedding, got something else"),
    (b'{"data": [{"embedding": [NaN, 1.0]}]}', "expected an embedding of finite numbers"),
    (b'{"data": [{"embedding": "AADAfw=="}]}', "expected an embedding of finite numbers"),
    (b'{"data": [{"embedding": "AACA/w=="}]}', "expected an embedding of finite numbers"),
]


@pytest.mark.parametrize(("body", "words"), BAD)
async def test_what_is_no_vector_is_the_service_s_error(body: bytes, words: str) -> None:
    async def answers(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, body)

    async with serve(answers) as service, caller_of(over(f"{service.url}/v1")) as caller:
        with pytest.raises(openai.APIStatusError, match=words) as caught:
            await caller.embeddings.create(model="up/m", input="a")
    assert caught.value.status_code == 502
    assert "up: " in str(caught.value)


WRONG: list[tuple[dict[str, object], str]] = [
    ({}, "input"),
    ({"input": []}, "input"),
    ({"input": [1, "a"]}, "input[0]"),
    ({"input": ["a", [""]]}, "input[1]"),
    ({"input": "a", "dimensions": 0}, "dimensions"),
    ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
    ({"input": "a", "api_base": "http://evil"}, "api_base"),
]


@pytest.mark.parametrize(("body", "param"), WRONG)
async def test_a_wrong_request_is_refused_by_its_field(body: dict[str, object], param: str) -> None:
    async with running_gateway(Config(gateway=GatewayConfig(port=0))) as url:
        got = await ask(url, "POST", "/v1/embeddings", JSON, json.dumps(body).encode())
    assert got.status == 400
    assert json.loads(got.body)["error"]["param"] == param


async def test_a_service_without_embeddings_says_so_and_another_target_is_asked() -> None:
    route = Config(models={"r": ModelConfig(targets=("chat/m", "offline/echo"))})
    config = Config(
        providers={"chat": ProviderConfig(protocol="cromicle", url="http://127.0.0.1:1")}, models=route.models
    )
    async with Client(config) as client:
        with pytest.raises(UnsupportedFeatureError, match="has no embeddings"):
            await client.embed("chat/m", "a")
        assert len((await client.embed("r", "a")).vectors) == 1


async def by_openai(url: str) -> list[list[float]]:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as caller:
        return [each.embedding for each in (await caller.embeddings.create(model="up/m", input=["a", "b"])).data]


TWO: Any = ["a", "b"]


async def by_gemini(url: str) -> list[list[float]]:
    from google import genai
    from google.genai import types

    caller = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url))
    got = await caller.aio.models.embed_content(model="up/m", contents=TWO)
    await caller.aio.aclose()
    return [list(each.values or ()) for each in got.embeddings or ()]


async def by_ollama(url: str) -> list[list[float]]:
    import ollama

    caller = ollama.AsyncClient(host=url)
    try:
        return [list(each) for each in (await caller.embed(model="up/m", input=["a", "b"])).embeddings]
    finally:
        await caller._client.aclose()  # the client has no way to be closed


CALLERS = {"openai-chat": by_openai, "gemini": by_gemini, "ollama": by_ollama}


# How Google's client uses aiohttp.
@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
@pytest.mark.parametrize("service", EMBEDDING)
@pytest.mark.parametrize("caller", CALLERS)
async def test_embeddings_go_between_all_protocols_that_have_them(service: str, caller: str) -> None:
    base, reply = EMBEDDING[service]

    async def embeds(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, json.dumps(reply(len(texts_in(exchange.request.body)))).encode())

    async with serve(embeds) as up, running_gateway(over(f"{up.url}{base}", service)) as url:
        asks: Any = CALLERS[caller]
        assert await asks(url) == [[0.0, 0.5], [1.0, 0.5]]
        assert texts_in(up.requests[0].body) == ["a", "b"]


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
@pytest.mark.parametrize("texts", [["a"], ["a", "b"]], ids=["embedContent", "batchEmbedContents"])
async def test_settings_of_google_s_client_for_vertex_ai_arrive(texts: Any) -> None:
    """It writes them into `embedContentConfig`, and for the Gemini API beside the content."""
    from google import genai
    from google.genai import types

    async def embeds(exchange: Exchange) -> None:
        data = [{"index": i, "embedding": [i, 0.5]} for i in range(len(texts))]
        await exchange.reply(200, JSON, json.dumps({"data": data}).encode())

    route = {"gemini-embedding-2": ModelConfig(targets=("up/m",))}
    async with serve(embeds) as up, running_gateway(replace(over(f"{up.url}/v1"), models=route)) as url:
        options = types.HttpOptions(base_url=url, api_version="v1beta1")
        caller = genai.Client(vertexai=True, api_key="k", http_options=options)
        config = types.EmbedContentConfig(output_dimensionality=2, auto_truncate=True, document_ocr=True)
        contents: Any = [types.UserContent(text) for text in texts]
        got = await caller.aio.models.embed_content(model="gemini-embedding-2", contents=contents, config=config)
        await caller.aio.aclose()
    assert len(got.embeddings or ()) == len(texts)
    assert json.loads(up.requests[0].body)["dimensions"] == 2
    headers = got.sdk_http_response.headers if got.sdk_http_response is not None else None
    assert headers is not None
    assert headers["x-dragoman-losses"] == "truncate, gemini.embedContentConfig"


MISPLACED = {"type": "extra_forbidden", "loc": ["body", "encoding_format"], "msg": "Extra inputs are not permitted"}
REFUSALS: list[tuple[int, dict[str, object]]] = [
    (400, {"error": {"message": "bedrock does not support parameters: {'encoding_format': 'base64'}"}}),
    (422, {"error": {"message": "extra inputs are not permitted", "param": "encoding_format"}}),
    (422, {"detail": [MISPLACED]}),
    (422, {"object": "error", "message": {"detail": [MISPLACED]}, "type": "invalid_request_error"}),
    (
        422,
        {"detail": "Invalid value", "errors": [{"field": "body -> m -> encoding_format", "message": "Not permitted"}]},
    ),
]


@pytest.mark.parametrize(("status", "error"), REFUSALS)
async def test_a_service_that_knows_no_form_of_vectors_is_asked_without_it(
    status: int, error: dict[str, object]
) -> None:
    """OpenAI's client asks for base64, and we do for callers of other protocols (BerriAI/litellm#38774)."""

    async def embeds(exchange: Exchange) -> None:
        if "encoding_format" in json.loads(exchange.request.body):
            await exchange.reply(status, JSON, json.dumps(error).encode())
        else:
            await exchange.reply(200, JSON, json.dumps({"data": [{"embedding": [0.25, 0.5]}]}).encode())

    async with serve(embeds) as service, running_gateway(over(f"{service.url}/v1")) as url:
        asked = {"model": "up/m", "input": "a"}
        first = await ask(
            url, "POST", "/v1/embeddings", JSON, json.dumps(asked | {"encoding_format": "base64"}).encode()
        )
        again = await ask(url, "POST", "/api/embed", JSON, json.dumps(asked).encode())
    assert json.loads(first.body)["data"][0]["embedding"] == packed([0.25, 0.5])
    assert json.loads(again.body)["embeddings"] == [[0.25, 0.5]]
    assert "x-dragoman-losses" not in first.headers
    assert len(service.requests) == 3  # the second time it is known


async def test_any_other_refusal_is_told_at_once() -> None:
    async def refuses(exchange: Exchange) -> None:
        await exchange.reply(400, JSON, b'{"error": {"message": "too many dimensions", "param": "dimensions"}}')

    asked = json.dumps({"model": "up/m", "input": "a", "encoding_format": "base64"}).encode()
    async with serve(refuses) as service, running_gateway(over(f"{service.url}/v1")) as url:
        got = await ask(url, "POST", "/v1/embeddings", JSON, asked)
    assert (got.status, len(service.requests)) == (400, 1)


@pytest.mark.parametrize("service", ["gemini", "ollama"])
async def test_a_text_in_parts_stays_so_at_services_that_have_parts(service: str) -> None:
    async def embeds(exchange: Exchange) -> None:
        found = EMBEDDING[service][1](len(texts_in(exchange.request.body)))
        await exchange.reply(200, JSON, json.dumps(found).encode())

    parts = [{"text": "a cat"}, {"text": "a dog"}]
    asked = json.dumps({"content": {"parts": parts}}).encode()
    async with serve(embeds) as up, running_gateway(over(up.url, service)) as url:
        got = await ask(url, "POST", "/v1beta/models/up/m:embedContent", JSON, asked)
    sent = json.loads(up.requests[0].body)
    assert (got.status, got.headers.get("x-dragoman-losses")) == (200, None)
    assert (
        (sent["requests"][0]["content"]["parts"] == parts) if service == "gemini" else sent["input"] == ["a cata dog"]
    )


@pytest.mark.parametrize(
    ("part", "param"),
    [({"inlineData": {"mimeType": "image/png", "data": "aaaa"}}, "inlineData"), ({}, "text"), ({"text": 1}, "text")],
)
async def test_what_is_no_text_is_refused_by_the_name_of_its_field(part: dict[str, object], param: str) -> None:
    asked = json.dumps({"content": {"parts": [{"text": "a"}, part]}}).encode()
    async with running_gateway() as url:
        got = await ask(url, "POST", "/v1beta/models/offline/echo:embedContent", JSON, asked)
    assert got.status == 400
    assert json.loads(got.body)["error"]["message"].startswith(f"content.parts[1].{param}: ")


SIZES: dict[str, Any] = {
    "openai-chat": lambda *sizes: {"data": [{"index": i, "embedding": [0.5] * n} for i, n in enumerate(sizes)]},
    "gemini": lambda *sizes: {"embeddings": [{"values": [0.5] * n} for n in sizes]},
    "ollama": lambda *sizes: {"embeddings": [[0.5] * n for n in sizes]},
}


@pytest.mark.parametrize("service", SIZES)
@pytest.mark.parametrize(
    ("sizes", "strict", "status", "lost"),
    [
        ((3, 3), False, 200, None),
        ((2, 2), False, 200, "dimensions"),
        ((2, 2), True, 400, None),
        ((3, 2), False, 502, None),
    ],
)
async def test_vectors_of_another_length_than_was_asked_for_are_not_passed_off_as_such(
    service: str, sizes: tuple[int, ...], strict: bool, status: int, lost: str | None
) -> None:
    """Many services do not know `dimensions`; and vectors of several lengths cannot be those of one model."""

    async def embeds(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, json.dumps(SIZES[service](*sizes)).encode())

    asked = json.dumps({"model": "up/m", "input": ["a", "b"], "dimensions": 3}).encode()
    async with serve(embeds) as up:
        config = over(f"{up.url}{EMBEDDING[service][0]}", service)
        config = replace(config, providers={"up": replace(config.providers["up"], strict=strict)})
        async with running_gateway(config) as url:
            got = await ask(url, "POST", "/v1/embeddings", JSON, asked)
    assert (got.status, got.headers.get("x-dragoman-losses")) == (status, lost)


async def test_vectors_of_several_requests_have_one_length_too() -> None:
    async def embeds(exchange: Exchange) -> None:
        count = len(texts_in(exchange.request.body))
        await exchange.reply(200, JSON, json.dumps(SIZES["gemini"](*[count] * count)).encode())

    asked = json.dumps({"model": "up/m", "input": ["a"] * 101}).encode()
    async with serve(embeds) as up, running_gateway(over(up.url, "gemini")) as url:
        got = await ask(url, "POST", "/v1/embeddings", JSON, asked)
    assert (got.status, json.loads(got.body)["error"]["message"]) == (
        502,
        "up: expected embeddings of one length, got several",
    )


REPLIES: dict[str, Any] = {
    "openai-chat": {
        "id": "embd-1",
        "created": 5,
        "data": [{"embedding": [1.0]}],
        "usage": {"prompt_tokens": 2, "total_tokens": 2, "cost": 0.5},
        "meta": {"a": 1},
    },
    "gemini": {
        "embeddings": [{"values": [1.0]}],
        "usageMetadata": {"promptTokenCount": 2, "totalTokenCount": 2, "cost": 0.5},
        "meta": {"a": 1},
    },
    "ollama": {
        "embeddings": [[1.0]],
        "prompt_eval_count": 2,
        "total_duration": 5,
        "load_duration": 4,
        "meta": {"a": 1},
    },
}
"""What a service says beside the vectors; all of it has a place at callers of its own protocol."""


@pytest.mark.parametrize("service", REPLIES)
@pytest.mark.parametrize(
    ("caller", "path", "asked"),
    [
        ("openai-chat", "/v1/embeddings", {"model": "up/m", "input": "a"}),
        ("gemini", "/v1beta/models/up/m:embedContent", {"content": {"parts": [{"text": "a"}]}}),
        ("ollama", "/api/embed", {"model": "up/m", "input": "a"}),
    ],
)
async def test_what_a_service_says_beside_vectors_and_a_caller_cannot_be_told_is_listed(
    service: str, caller: str, path: str, asked: dict[str, object]
) -> None:
    async def embeds(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, json.dumps(REPLIES[service]).encode())

    async with serve(embeds) as up, running_gateway(over(f"{up.url}{EMBEDDING[service][0]}", service)) as url:
        got = await ask(url, "POST", path, JSON, json.dumps(asked).encode())
    lost = ["answer.meta", *(["answer.usage.cost"] if service != "ollama" else [])]
    assert got.headers.get("x-dragoman-losses") == (None if caller == service else ", ".join(lost))


async def test_one_text_has_one_embedding_in_the_older_forms() -> None:
    config = Config(gateway=GatewayConfig(port=0))
    google = {"content": {"parts": [{"text": "a cat"}]}, "outputDimensionality": 8}
    async with running_gateway(config) as url:
        old = await ask(url, "POST", "/api/embeddings", JSON, b'{"model": "offline/echo", "prompt": "a cat"}')
        path = "/v1beta/models/offline/echo:embedContent"
        one = await ask(url, "POST", path, JSON, json.dumps(google).encode())
    assert len(json.loads(old.body)["embedding"]) == 256
    assert len(json.loads(one.body)["embedding"]["values"]) == 8


@pytest.mark.parametrize(
    ("path", "said", "told"),
    [
        ("/api/embed", {}, {"embeddings": []}),
        ("/api/embed", {"input": ""}, {"embeddings": []}),
        ("/api/embed", {"input": []}, {"embeddings": []}),
        ("/api/embeddings", {}, {"embedding": []}),
        ("/api/embeddings", {"prompt": ""}, {"embedding": []}),
    ],
)
@pytest.mark.parametrize("service", EMBEDDING)
async def test_without_a_text_ollama_s_callers_ask_for_the_model_to_be_loaded(
    path: str, said: dict[str, object], told: dict[str, object], service: str
) -> None:
    """As the real server answers since ollama/ollama#5713. Only such a server is asked."""
    base, reply = EMBEDDING[service]

    async def embeds(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, json.dumps(reply(len(texts_in(exchange.request.body)))).encode())

    async with serve(embeds) as up, running_gateway(over(f"{up.url}{base}", service)) as url:
        got = await ask(url, "POST", path, JSON, json.dumps({"model": "up/m"} | said).encode())
        assert (got.status, len(up.requests)) == (200, service == "ollama")
    answer = json.loads(got.body)
    assert {name: answer[name] for name in told} == told


@pytest.mark.parametrize("durations", [{}, {"total_duration": 17, "load_duration": 5}])
@pytest.mark.parametrize("service", SIZES)
async def test_ollama_s_callers_are_always_told_how_long_it_took(service: str, durations: dict[str, int]) -> None:
    """ollama-ai-provider-v2 refuses an answer without these three numbers."""

    async def embeds(exchange: Exchange) -> None:
        said = SIZES[service](2) | (durations if service == "ollama" else {})
        await exchange.reply(200, JSON, json.dumps(said).encode())

    async with serve(embeds) as up, running_gateway(over(f"{up.url}{EMBEDDING[service][0]}", service)) as url:
        got = await ask(url, "POST", "/api/embed", JSON, b'{"model": "up/m", "input": "a"}')
    answer = json.loads(got.body)
    assert (got.headers["x-dragoman-estimated"], answer["prompt_eval_count"]) == ("input_tokens", 1)
    told = answer["total_duration"], answer["load_duration"]
    if service == "ollama" and durations:
        assert told == (17, 5)
    else:
        assert 0 < told[0] < 60_000_000_000
        assert told[1] == 0


async def test_texts_in_tokens_go_to_the_target_that_takes_them() -> None:
    async def embeds(exchange: Exchange) -> None:
        assert json.loads(exchange.request.body)["input"] == [[1, 2]]
        await exchange.reply(200, JSON, b'{"data": [{"embedding": [1]}]}')

    async with serve(embeds) as up:
        config = Config(
            providers={
                "google": ProviderConfig(protocol="gemini", url="http://127.0.0.1:1"),
                "up": ProviderConfig(protocol="openai-chat", url=f"{up.url}/v1"),
            },
            models={"r": ModelConfig(targets=("offline/echo", "google/m", "up/m"))},
        )
        async with Client(config) as client:
            assert (await client.embed("r", [[1, 2]])).lists == [[1.0]]
