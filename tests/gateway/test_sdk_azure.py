"""OpenAI's own client for Azure as the caller."""

import asyncio
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI
from openai.types.chat import ChatCompletionToolParam

from dragoman.config import Config, GatewayConfig, ModelConfig
from tests.support.gateway import running_gateway

CONFIG = Config(
    gateway=GatewayConfig(port=0, api_keys=("key-one",)), models={"fast": ModelConfig(targets=("offline/script",))}
)
TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
VERSION = "2025-04-01-preview"


def by_model(url: str, **more: Any) -> AsyncAzureOpenAI:
    """A caller that asks once; each request names its deployment."""
    settings: dict[str, Any] = {"api_key": "key-one", "api_version": VERSION, "max_retries": 0, **more}
    return AsyncAzureOpenAI(azure_endpoint=url, **settings)


def by_deployment(url: str) -> AsyncAzureOpenAI:
    """The same with one deployment for all chats."""
    return by_model(url, azure_deployment="fast")


def by_token(url: str) -> AsyncAzureOpenAI:
    """The same with a token of Entra ID in place of a key."""
    return by_model(url, api_key=None, azure_ad_token="key-one")


def by_v1(url: str) -> AsyncOpenAI:
    """The client that Azure's paths below `/openai/v1` are for."""
    query = {"api-version": "preview"}
    return AsyncOpenAI(base_url=f"{url}/openai/v1/", api_key="key-one", default_query=query, max_retries=0)


callers = pytest.mark.parametrize("caller_at", [by_model, by_deployment, by_token, by_v1], ids=lambda at: at.__name__)
Callers = Callable[[str], AsyncOpenAI]


@callers
async def test_whole_and_streamed_answers(caller_at: Callers) -> None:
    async with running_gateway(CONFIG) as url, caller_at(url) as caller:
        said = "text: Привет, 👋\nusage: 3 4"
        whole = await caller.chat.completions.create(model="fast", messages=[{"role": "user", "content": said}])
        stream = await caller.chat.completions.create(
            model="fast",
            messages=[{"role": "user", "content": said}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    assert whole.choices[0].message.content == "Привет, 👋"
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "Привет, 👋"
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage is not None] == [7]


async def test_the_deployment_of_the_client_is_the_model_whatever_a_request_names() -> None:
    async with running_gateway(CONFIG) as url, by_deployment(url) as caller:
        got = await caller.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "text: a"}])
        text = await caller.completions.create(model="gpt-4o", prompt="text: b")
    assert (got.model, got.choices[0].message.content) == ("fast", "a")
    assert (text.model, text.choices[0].text) == ("fast", "b")


@callers
async def test_tool_calls_there_and_back(caller_at: Callers) -> None:
    said = 'tool: get_weather {"city": "Köln"}\n---\ntext: warm'
    asked: list[Any] = [{"role": "user", "content": said}]
    async with running_gateway(CONFIG) as url, caller_at(url) as caller:
        async with caller.chat.completions.stream(model="fast", messages=asked, tools=[TOOL]) as stream:
            message = (await stream.get_final_completion()).choices[0].message
        (call,) = message.tool_calls or []
        asked += [message.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": "20"}]
        answer = await caller.chat.completions.create(model="fast", messages=asked)
    assert call.function.arguments == '{"city": "Köln"}'
    assert answer.choices[0].message.content == "warm"


@pytest.mark.parametrize("caller_at", [by_model, by_v1], ids=lambda at: at.__name__)
async def test_embeddings_and_texts(caller_at: Callers) -> None:
    async with running_gateway(CONFIG) as url, caller_at(url) as caller:
        vectors = await caller.embeddings.create(model="offline/echo", input=["a", "b"])
        stream = await caller.completions.create(model="fast", prompt="text: a b", stream=True)
        texts = [chunk.choices[0].text async for chunk in stream]
    assert [len(each.embedding) for each in vectors.data] == [256, 256]
    assert "".join(texts) == "a b"


@callers
async def test_responses_and_what_is_kept_of_them(caller_at: Callers) -> None:
    async with running_gateway(CONFIG) as url, caller_at(url) as caller:
        first = await caller.responses.create(model="fast", input="text: one")
        async with caller.responses.stream(model="fast", input="text: two", previous_response_id=first.id) as stream:
            second = await stream.get_final_response()
        again = await caller.responses.retrieve(second.id)
        led = await caller.responses.input_items.list(second.id)
        counted = await caller.responses.input_tokens.count(model="fast", input="one two")
        compacted = await caller.responses.compact(model="offline/echo", input="one two")
        await caller.responses.delete(first.id)
        with pytest.raises(openai.NotFoundError):
            await caller.responses.retrieve(first.id)
    assert (first.output_text, again.output_text) == ("one", "two")
    assert len(led.data) == 3
    assert counted.input_tokens > 0
    assert compacted.output[-1].type == "compaction"


@callers
@pytest.mark.parametrize("named", ["fast", "gpt-4o"])
async def test_a_websocket(caller_at: Callers, named: str) -> None:
    async with running_gateway(CONFIG) as url, caller_at(url) as caller, caller.responses.connect() as socket:
        said: list[str] = []
        for text in ("text: one", "text: two"):
            await socket.response.create(model=named, input=text)
            async for event in socket:
                if event.type == "response.completed":
                    said.append(event.response.output_text)
                if event.type in {"response.completed", "error"}:
                    break
    # A deployment in the path is the model, whatever a message names.
    assert said == (["one", "two"] if named == "fast" or caller_at is by_deployment else [])


@callers
async def test_models(caller_at: Callers) -> None:
    async with running_gateway(CONFIG) as url, caller_at(url) as caller:
        names = [model.id async for model in caller.models.list()]
        one = await caller.models.retrieve("offline/eliza")
        with pytest.raises(openai.NotFoundError):
            await caller.models.retrieve("offline/nobody")
    assert names == ["fast", "offline/eliza", "offline/echo", "offline/script"]
    assert one.id == "offline/eliza"


@callers
async def test_failures_are_its_own_errors(caller_at: Callers) -> None:
    expected: dict[str, type[openai.APIStatusError]] = {
        "400": openai.BadRequestError,
        "401": openai.AuthenticationError,
        "404": openai.NotFoundError,
        "429 retry_after=7": openai.RateLimitError,
        "503": openai.InternalServerError,
    }
    async with running_gateway(CONFIG) as url, caller_at(url) as caller:
        for word, kind in expected.items():
            for stream in (True, False):
                with pytest.raises(kind, match="Because!") as caught:
                    await caller.chat.completions.create(
                        model="fast", messages=[{"role": "user", "content": f"error: {word} Because!"}], stream=stream
                    )
                assert caught.value.request_id
        assert caught.value.status_code == 503
        broken = await caller.chat.completions.create(
            model="fast", messages=[{"role": "user", "content": "text: half\ncut"}], stream=True
        )
        with pytest.raises(openai.APIError):
            assert [chunk async for chunk in broken]


async def test_an_unknown_deployment_and_an_unknown_key() -> None:
    asked: list[Any] = [{"role": "user", "content": "hi"}]
    async with running_gateway(CONFIG) as url:
        async with by_model(url) as caller:
            with pytest.raises(openai.NotFoundError, match="did you mean fast") as caught:
                await caller.chat.completions.create(model="fasd", messages=asked)
            assert caught.value.code == "model_not_found"
            with pytest.raises(openai.NotFoundError, match="did you mean fast"):
                await caller.embeddings.create(model="fasd", input="a")
        async with by_model(url, api_key="key-none") as stranger:
            with pytest.raises(openai.AuthenticationError):
                await stranger.chat.completions.create(model="fast", messages=asked)
            with pytest.raises(openai.AuthenticationError):
                await stranger.responses.create(model="fast", input="hi")


async def test_the_synchronous_client() -> None:
    def ask(url: str) -> tuple[str | None, str]:
        with AzureOpenAI(azure_endpoint=url, api_key="key-one", api_version=VERSION, max_retries=0) as caller:
            whole = caller.chat.completions.create(model="fast", messages=[{"role": "user", "content": "text: a b"}])
            stream = caller.chat.completions.create(
                model="offline/echo", messages=[{"role": "user", "content": "c d"}], stream=True
            )
            return whole.choices[0].message.content, "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    async with running_gateway(CONFIG) as url:
        assert await asyncio.to_thread(ask, url) == ("a b", "c d")
