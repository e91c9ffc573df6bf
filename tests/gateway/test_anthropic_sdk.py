"""Anthropic's own client as the caller."""

import asyncio
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic, beta_async_tool
from anthropic.types import MessageParam, ToolParam, ToolResultBlockParam

from dragoman.config import Config, GatewayConfig, ModelConfig, ProviderConfig
from tests.support.gateway import running_gateway

TOOL: ToolParam = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
CONFIG = Config(
    gateway=GatewayConfig(port=0, api_keys=("key-one",)), models={"fast": ModelConfig(targets=("offline/script",))}
)
MANY = 1000


def client(url: str, key: str = "key-one") -> AsyncAnthropic:
    """A caller that asks once."""
    return AsyncAnthropic(base_url=url, api_key=key, max_retries=0)


def asking(text: str) -> list[MessageParam]:
    """A conversation of one question."""
    return [{"role": "user", "content": text}]


async def test_whole_and_streamed_answers() -> None:
    said = "reasoning: hm\ntext: Привет, 👋\nusage: 3 4"
    async with running_gateway(CONFIG) as url, client(url) as caller:
        whole = await caller.messages.create(model="fast", max_tokens=MANY, messages=asking(said))
        async with caller.messages.stream(model="fast", max_tokens=MANY, messages=asking(said)) as stream:
            texts = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
    for message in (whole, final):
        thought, text = message.content
        assert thought.type == "thinking"
        assert thought.thinking == "hm"
        assert text.type == "text"
        assert text.text == "Привет, 👋"
        assert message.stop_reason == "end_turn"
        assert (message.usage.input_tokens, message.usage.output_tokens) == (3, 4)
    assert "".join(texts) == "Привет, 👋"


async def test_tool_calls_there_and_back() -> None:
    said = 'tool: get_weather {"city": "Köln"}\ntool: get_weather {"city": "Rom"}\n---\ntext: warm'
    async with running_gateway(CONFIG) as url, client(url) as caller:
        whole = await caller.messages.create(model="fast", max_tokens=MANY, messages=asking(said), tools=[TOOL])
        async with caller.messages.stream(model="fast", max_tokens=MANY, messages=asking(said), tools=[TOOL]) as stream:
            final = await stream.get_final_message()
        calls = [block for block in final.content if block.type == "tool_use"]
        results: list[ToolResultBlockParam] = [
            {"type": "tool_result", "tool_use_id": call.id, "content": "20"} for call in calls
        ]
        answer = await caller.messages.create(
            model="fast",
            max_tokens=MANY,
            messages=[*asking(said), whole.to_param(), {"role": "user", "content": results}],
            tools=[TOOL],
        )
    assert whole.stop_reason == final.stop_reason == "tool_use"
    assert [call.input for call in calls] == [{"city": "Köln"}, {"city": "Rom"}]
    assert [(block.id, block.input) for block in whole.content if block.type == "tool_use"] == [
        (call.id, call.input) for call in calls
    ]
    assert answer.content[0].type == "text"
    assert answer.content[0].text == "warm"


async def test_failures_are_its_own_errors() -> None:
    expected: dict[str, tuple[type[anthropic.APIStatusError], str]] = {
        "400": (anthropic.BadRequestError, "invalid_request_error"),
        "401": (anthropic.AuthenticationError, "authentication_error"),
        "403": (anthropic.PermissionDeniedError, "permission_error"),
        "404": (anthropic.NotFoundError, "not_found_error"),
        "429 retry_after=7": (anthropic.RateLimitError, "rate_limit_error"),
        "500": (anthropic.InternalServerError, "api_error"),
        "503": (anthropic.InternalServerError, "overloaded_error"),
    }
    async with running_gateway(CONFIG) as url, client(url) as caller:
        for word, (kind, name) in expected.items():
            for stream in (True, False):
                with pytest.raises(kind) as caught:
                    await caller.messages.create(
                        model="fast", max_tokens=MANY, messages=asking(f"error: {word} Because!"), stream=stream
                    )
                body: Any = caught.value.body
                assert body["type"] == "error"
                assert body["error"] == {"type": name, "message": "Because!"}, word
        assert caught.value.status_code == 529
        with pytest.raises(anthropic.NotFoundError, match="did you mean fast"):
            await caller.messages.create(model="fasd", max_tokens=MANY, messages=asking("hi"))
        with pytest.raises(anthropic.BadRequestError, match="temperature: expected 0 to 1"):
            await caller.messages.create(
                model="fast", max_tokens=MANY, messages=asking("hi"), extra_body={"temperature": 3}
            )
        async with client(url, "key-none") as stranger:
            with pytest.raises(anthropic.AuthenticationError):
                await stranger.messages.create(model="fast", max_tokens=MANY, messages=asking("hi"))


async def test_a_stream_that_breaks_off_raises() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        texts = []
        with pytest.raises(anthropic.APIStatusError, match="breaks the answer off"):
            async with caller.messages.stream(
                model="fast", max_tokens=MANY, messages=asking("text: half\ncut")
            ) as stream:
                texts = [text async for text in stream.text_stream]
        with pytest.raises(anthropic.InternalServerError):
            await caller.messages.create(model="fast", max_tokens=MANY, messages=asking("text: half\ncut"))
    assert texts == []


async def test_why_it_stopped() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        found = [
            (await caller.messages.create(model="fast", max_tokens=MANY, messages=asking(said))).stop_reason
            for said in ("text: a\nlength", "text: a\nfilter", "refusal: no")
        ]
    assert found == ["max_tokens", "refusal", "refusal"]


async def test_tokens_are_estimated_if_nobody_counts_them() -> None:
    chat = ProviderConfig(protocol="openai-chat", url="http://127.0.0.1:1/v1")
    config = Config(gateway=GatewayConfig(port=0), providers={"up": chat})
    async with running_gateway(config) as url, client(url) as caller:
        raw = await caller.messages.with_raw_response.count_tokens(model="up/m", messages=asking("word " * 40))
        count = await raw.parse()
    assert 40 <= count.input_tokens <= 80
    assert raw.headers["x-dragoman-estimated"] == "input_tokens"


async def test_one_gateway_before_another_relays_what_its_client_asks() -> None:
    async with running_gateway(CONFIG) as behind:
        config = Config(
            gateway=GatewayConfig(port=0, api_keys=("key-two",)),
            providers={"up": ProviderConfig(type="anthropic", url=behind, api_key="key-one")},
        )
        async with running_gateway(config) as url, client(url, "key-two") as caller:
            said = 'text: Привет\ntool: get_weather {"city": "Rom"}\nusage: 3 4'
            whole = await caller.messages.create(model="up/fast", max_tokens=MANY, messages=asking(said), tools=[TOOL])
            async with caller.messages.stream(
                model="up/fast", max_tokens=MANY, messages=asking(said), tools=[TOOL]
            ) as stream:
                final = await stream.get_final_message()
            count = await caller.messages.count_tokens(model="up/fast", messages=asking(said), tools=[TOOL])
            with pytest.raises(anthropic.APIStatusError, match="breaks the answer off"):
                async with caller.messages.stream(
                    model="up/fast", max_tokens=MANY, messages=asking("text: half\ncut")
                ) as broken:
                    await broken.get_final_message()
    for message in (whole, final):
        assert [block.type for block in message.content] == ["text", "tool_use"]
        assert (message.stop_reason, message.usage.output_tokens) == ("tool_use", 4)
        assert message.model == "fast"  # the service's own name: the bytes passed
    assert count.input_tokens == 9


@beta_async_tool(name="get_weather")
async def weather(city: str) -> str:
    """The weather.

    Args:
        city: Its name.
    """
    return f"{city}: 20"


@pytest.mark.parametrize("protocol", ["", "openai-chat", "openai-responses", "anthropic", "gemini", "ollama"])
async def test_the_runner_of_tools_goes_on_where_no_conversation_is_kept(protocol: str) -> None:
    # It asks the service to keep the conversation, unless it is told that the service does not.
    said = 'tool: get_weather {"city": "Rom"}\n---\ntext: warm'
    async with running_gateway(CONFIG) as behind:
        url = f"{behind}/v1" if protocol.startswith("openai") else behind
        provider = ProviderConfig(protocol=protocol, url=url, api_key="key-one") if protocol else None
        providers, target = ({"up": provider}, "up/fast") if provider else ({}, "offline/script")
        config = Config(
            gateway=GatewayConfig(port=0), providers=providers, models={"m": ModelConfig(targets=(target,))}
        )
        async with running_gateway(config) as url, client(url) as caller:
            runner = caller.beta.messages.tool_runner(
                model="m", max_tokens=MANY, messages=[{"role": "user", "content": said}], tools=[weather]
            )
            answers = [message async for message in runner]
    called, answer = answers
    assert called.stop_reason == "tool_use"
    assert [block.text for block in answer.content if block.type == "text"] == ["warm"]


async def test_the_synchronous_client() -> None:
    def ask(url: str) -> tuple[str, str]:
        with Anthropic(base_url=url, api_key="key-one", max_retries=0) as caller:
            whole = caller.messages.create(model="fast", max_tokens=MANY, messages=asking("text: a b"))
            with caller.messages.stream(model="offline/echo", max_tokens=MANY, messages=asking("c d")) as stream:
                streamed = "".join(stream.text_stream)
            block = whole.content[0]
            return block.text if block.type == "text" else "", streamed

    async with running_gateway(CONFIG) as url:
        assert await asyncio.to_thread(ask, url) == ("a b", "c d")
