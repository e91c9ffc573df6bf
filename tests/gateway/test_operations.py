"""What is no chat, asked by OpenAI's own client: completions of a text, counts of tokens, lists of models."""

import json
from typing import Any

import openai
import pytest
from msgspec.structs import replace

from dragoman import Client
from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from dragoman.types import TokenCount
from tests.support.gateway import ask, running_gateway
from tests.support.over import caller_of, over
from tests.support.server import Exchange, serve

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/responses/input_tokens"])
async def test_a_failure_with_a_good_status_is_told_without_the_key(path: str) -> None:
    async def fails(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, b'{"error": {"message": "no credit for canary-000-key", "code": 402}}')

    protocol = "openai-chat" if path.endswith("embeddings") else "openai-responses"
    async with serve(fails) as service:
        entry = ProviderConfig(protocol=protocol, url=f"{service.url}/v1", api_key="canary-000-key")
        async with running_gateway(Config(gateway=GatewayConfig(port=0), providers={"up": entry})) as url:
            got = await ask(url, "POST", path, JSON, b'{"model": "up/m", "input": "a"}')
    assert (got.status, json.loads(got.body)["error"]["message"]) == (429, "no credit for …")


async def test_tokens_are_counted_by_the_offline_model_and_estimated_for_a_service_that_cannot() -> None:
    config = Config(providers={"chat": ProviderConfig(protocol="cromicle", url="http://127.0.0.1:1")})
    async with Client(config) as client:
        assert await client.count_tokens("offline/echo", "one two three four") == TokenCount(4)
        estimate = await client.count_tokens("chat/m", "one two three four")
    assert estimate.estimated
    assert 4 <= estimate.input_tokens <= 20


@pytest.mark.parametrize("stream", [False, True])
async def test_a_text_is_completed_by_a_chat(stream: bool) -> None:
    config = Config(gateway=GatewayConfig(port=0))
    said = "text: Hello, 👋 you\nusage: 3 4"
    async with caller_of(config) as caller:
        if stream:
            pieces = [
                chunk
                async for chunk in await caller.completions.create(
                    model="offline/script", prompt=said, stream=True, stream_options={"include_usage": True}
                )
            ]
            text = "".join(choice.text for chunk in pieces for choice in chunk.choices)
            assert pieces[-2].choices[0].finish_reason == "stop"
            usage = pieces[-1].usage
        else:
            whole = await caller.completions.create(model="offline/script", prompt=[said])
            text, usage = whole.choices[0].text, whole.usage
            assert whole.choices[0].finish_reason == "stop"
    assert text == "Hello, 👋 you"
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (3, 4)


@pytest.mark.parametrize(
    "more",
    [
        {"suffix": "x"},
        {"echo": True},
        {"logprobs": 2},
        {"logprobs": 0},
        {"best_of": 2},
        {"n": 2},
        {"prompt": [1]},
        {"messages": [{"role": "user", "content": "b"}]},
        {"echo": 0},
        {"suffix": []},
        {"logprobs": False},
    ],
)
async def test_what_a_chat_cannot_do_for_a_text_is_refused(more: dict[str, object]) -> None:
    body = {"model": "offline/echo", "prompt": "a", **more}
    async with running_gateway(Config(gateway=GatewayConfig(port=0))) as url:
        got = await ask(url, "POST", "/v1/completions", JSON, json.dumps(body).encode())
    assert got.status == 400
    assert json.loads(got.body)["error"]["param"] == next(iter(more))


async def test_what_asks_for_nothing_beside_the_text_is_taken() -> None:
    body = {"model": "offline/echo", "prompt": "a", "suffix": "", "echo": False, "logprobs": None, "best_of": 1, "n": 1}
    async with running_gateway(Config(gateway=GatewayConfig(port=0))) as url:
        got = await ask(url, "POST", "/v1/completions", JSON, json.dumps(body).encode())
    assert (got.status, json.loads(got.body)["choices"][0]["text"]) == (200, "a")


async def test_a_text_that_breaks_off_ends_in_an_error() -> None:
    async with caller_of(Config(gateway=GatewayConfig(port=0))) as caller:
        stream = await caller.completions.create(model="offline/script", prompt="text: Half\ncut", stream=True)
        with pytest.raises(openai.APIError):
            async for _ in stream:
                pass


COUNTS = {
    "/v1/messages/count_tokens": {
        "model": "offline/echo",
        "max_tokens": 1,
        "messages": [{"role": "user", "content": "one two three"}],
    },
    "/v1/responses/input_tokens": {"model": "offline/echo", "input": "one two three"},
    "/v1beta/models/offline/echo:countTokens": {"contents": [{"parts": [{"text": "one two three"}]}]},
    "/v1/models/offline/echo:countTokens": {
        "generateContentRequest": {"contents": [{"parts": [{"text": "one two three"}]}]}
    },
}


@pytest.mark.parametrize("path", COUNTS)
async def test_tokens_are_counted_on_every_front_that_can_say_them(path: str) -> None:
    async with running_gateway(Config(gateway=GatewayConfig(port=0))) as url:
        got = await ask(url, "POST", path, JSON, json.dumps(COUNTS[path]).encode())
    assert got.status == 200, got.text
    assert 3 in json.loads(got.body).values()
    assert "x-dragoman-estimated" not in got.headers


@pytest.mark.parametrize("path", COUNTS)
async def test_an_estimate_says_that_it_is_one(path: str) -> None:
    config = Config(
        gateway=GatewayConfig(port=0), providers={"up": ProviderConfig(protocol="cromicle", url="http://127.0.0.1:1")}
    )
    body = json.dumps(COUNTS[path]).replace("offline/echo", "up/m").encode()
    async with running_gateway(config) as url:
        got = await ask(url, "POST", path.replace("offline/echo", "up/m"), JSON, body)
    assert got.status == 200, got.text
    assert got.headers["x-dragoman-estimated"] == "input_tokens"


async def test_models_come_in_the_form_that_the_caller_s_headers_tell() -> None:
    async with running_gateway(Config(gateway=GatewayConfig(port=0))) as url:
        plain = json.loads((await ask(url, "GET", "/v1/models")).body)
        theirs = json.loads((await ask(url, "GET", "/v1/models", {"anthropic-version": "2023-06-01"})).body)
        google = json.loads((await ask(url, "GET", "/v1/models", {"x-goog-api-key": "k"})).body)
        one = json.loads((await ask(url, "GET", "/v1/models/offline/echo", {"anthropic-version": "2023-06-01"})).body)
    assert plain["object"] == "list"
    assert (theirs["has_more"], theirs["data"][0]["type"]) == (False, "model")
    assert google["models"][0]["name"].startswith("models/")
    assert (one["id"], one["type"]) == ("offline/echo", "model")


async def test_the_size_of_a_model_that_its_service_tells_reaches_callers_whose_protocol_has_it() -> None:
    listed = b'{"data": [{"id": "m", "context_length": 8192, "max_completion_tokens": 100}, {"id": "n"}]}'

    async def lists(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, listed)

    async with serve(lists) as service, running_gateway(over(f"{service.url}/v1")) as url:

        async def got(path: str, headers: dict[str, str], body: bytes = b"") -> Any:
            return json.loads((await ask(url, "POST" if body else "GET", path, JSON | headers, body)).body)

        theirs, google = {"anthropic-version": "2023-06-01"}, {"x-goog-api-key": "k"}
        for one in ((await got("/v1/models", theirs))["data"][0], await got("/v1/models/up/m", theirs)):
            assert (one["id"], one["max_input_tokens"], one["max_tokens"]) == ("up/m", 8192, 100)
        for one in ((await got("/v1/models", google))["models"][0], await got("/v1/models/up/m", google)):
            assert (one["name"], one["inputTokenLimit"], one["outputTokenLimit"]) == ("models/up/m", 8192, 100)
        assert "max_tokens" not in await got("/v1/models/up/n", theirs)
        # VS Code takes 32,768 without it: jjang-ai/mlxstudio#72
        shown = (await got("/api/show", {}, b'{"model": "up/m"}'))["model_info"]
        assert shown[f"{shown['general.architecture']}.context_length"] == 8192
        assert list((await got("/api/show", {}, b'{"model": "up/n"}'))["model_info"]) == ["general.architecture"]


PICTURES = {"url": {"type": "url", "url": "https://a/b.png"}, "file": {"type": "file", "file_id": "f"}}


@pytest.mark.parametrize(
    ("source", "strict", "status", "lost"),
    [("url", False, 200, "top_k, more"), ("url", True, 400, None), ("file", False, 400, None)],
)
async def test_what_is_not_counted_is_listed_or_refused_as_it_is_of_a_chat(
    source: str, strict: bool, status: int, lost: str | None
) -> None:
    async def counts(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, b'{"object": "response.input_tokens", "input_tokens": 7}')

    content = [{"type": "text", "text": "hi"}, {"type": "image", "source": PICTURES[source]}]
    asked = {"model": "up/m", "top_k": 5, "more": 1, "messages": [{"role": "user", "content": content}]}
    async with serve(counts) as up:
        config = over(f"{up.url}/v1", "openai-responses")
        config = replace(config, providers={"up": replace(config.providers["up"], strict=strict)})
        async with running_gateway(config) as url:
            got = await ask(url, "POST", "/v1/messages/count_tokens", JSON, json.dumps(asked).encode())
        assert (got.status, got.headers.get("x-dragoman-losses")) == (status, lost)
        assert len(up.requests) == (status == 200)


async def test_a_count_is_asked_for_with_the_caller_s_betas() -> None:
    async def counts(exchange: Exchange) -> None:
        await exchange.reply(200, JSON, b'{"input_tokens": 7}')

    headers = JSON | {"anthropic-version": "2023-06-01", "anthropic-beta": "context-1m-2025-08-07"}
    body = b'{"model": "up/m", "messages": [{"role": "user", "content": "hi"}]}'
    async with serve(counts) as up, running_gateway(over(up.url, "anthropic")) as url:
        assert (await ask(url, "POST", "/v1/messages/count_tokens", headers, body)).status == 200
        assert up.requests[0].headers["anthropic-beta"] == "context-1m-2025-08-07"


@pytest.mark.parametrize("status", [403, 429, 529])
async def test_a_service_that_counts_no_more_tokens_still_chats(status: int) -> None:
    """Its limits of counts are others: https://platform.claude.com/docs/en/build-with-claude/token-counting"""

    async def answers(exchange: Exchange) -> None:
        counting = exchange.request.path.endswith("count_tokens")
        await exchange.reply(status if counting else 200, JSON | {"retry-after": "60"}, b"{}" if counting else WHOLE)

    async with serve(answers) as up:
        config = Config(
            providers={"up": ProviderConfig(protocol="anthropic", url=up.url, api_key="k")},
            models={"r": ModelConfig(targets=("up/m", "offline/echo"))},
        )
        async with Client(config) as client:
            for _ in range(9):
                assert (await client.count_tokens("r", "one two")).input_tokens == 2
            assert (await client.chat("r", "hi", retries=0)).text == "from up"


WHOLE = json.dumps(
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "from up"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
).encode()
