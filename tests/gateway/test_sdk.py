"""OpenAI's own client as the caller."""

import asyncio

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionToolMessageParam, ChatCompletionToolParam

from dragoman.config import Config, GatewayConfig, ModelConfig
from dragoman.gateway import ServerTimeouts
from tests.agents.stage import MODEL, config
from tests.matrix.dialects import SERVICES
from tests.matrix.exchange import Seen
from tests.matrix.scenes import Answer, Say
from tests.support.gateway import Running, running, running_gateway
from tests.support.server import Exchange, serve

TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
CONFIG = Config(
    gateway=GatewayConfig(port=0, api_keys=("key-one",)), models={"fast": ModelConfig(targets=("offline/script",))}
)


def client(url: str, key: str = "key-one") -> AsyncOpenAI:
    """A caller that asks once."""
    return AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)


async def test_whole_and_streamed_answers() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        said = "text: Привет, 👋\nusage: 3 4"
        whole = await caller.chat.completions.create(model="fast", messages=[{"role": "user", "content": said}])
        assert whole.choices[0].message.content == "Привет, 👋"
        assert whole.choices[0].finish_reason == "stop"
        assert whole.usage is not None
        assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (3, 4)
        stream = await caller.chat.completions.create(
            model="fast",
            messages=[{"role": "user", "content": said}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "Привет, 👋"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 7
    assert len({chunk.id for chunk in chunks}) == 1


async def test_tool_calls_there_and_back() -> None:
    said = 'tool: get_weather {"city": "Köln"}\ntool: get_weather {"city": "Rom"}\n---\ntext: warm'
    async with running_gateway(CONFIG) as url, client(url) as caller:
        whole = await caller.chat.completions.create(
            model="fast", messages=[{"role": "user", "content": said}], tools=[TOOL], tool_choice="auto"
        )
        async with caller.chat.completions.stream(
            model="fast", messages=[{"role": "user", "content": said}], tools=[TOOL]
        ) as stream:
            final = await stream.get_final_completion()
        calls = whole.choices[0].message.tool_calls or []
        results: list[ChatCompletionToolMessageParam] = [
            {"role": "tool", "tool_call_id": call.id, "content": "20"} for call in calls
        ]
        answer = await caller.chat.completions.create(
            model="fast",
            messages=[
                {"role": "user", "content": said},
                whole.choices[0].message.model_dump(exclude_none=True),  # type: ignore[list-item]  # as SDK users do
                *results,
            ],
        )
    assert whole.choices[0].finish_reason == final.choices[0].finish_reason == "tool_calls"
    assert [call.type == "function" and call.function.arguments for call in calls] == [
        '{"city": "Köln"}',
        '{"city": "Rom"}',
    ]
    streamed = final.choices[0].message.tool_calls or []
    assert [call.function.arguments for call in streamed] == ['{"city": "Köln"}', '{"city": "Rom"}']
    assert [call.id for call in streamed] == [call.id for call in calls]
    assert answer.choices[0].message.content == "warm"


async def test_models() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        names = [model.id async for model in caller.models.list()]
        one = await caller.models.retrieve("offline/eliza")
        with pytest.raises(openai.NotFoundError):
            await caller.models.retrieve("offline/nobody")
    assert names == ["fast", "offline/eliza", "offline/echo", "offline/script"]
    assert one.id == "offline/eliza"


async def test_failures_are_its_own_errors() -> None:
    expected: dict[str, type[openai.APIStatusError]] = {
        "400": openai.BadRequestError,
        "401": openai.AuthenticationError,
        "403": openai.PermissionDeniedError,
        "404": openai.NotFoundError,
        "429 retry_after=7": openai.RateLimitError,
        "500": openai.InternalServerError,
        "503": openai.InternalServerError,
    }
    async with running_gateway(CONFIG) as url, client(url) as caller:
        for word, kind in expected.items():
            for stream in (True, False):
                with pytest.raises(kind) as caught:
                    await caller.chat.completions.create(
                        model="fast", messages=[{"role": "user", "content": f"error: {word} Because!"}], stream=stream
                    )
                assert "Because!" in caught.value.message, word
                assert caught.value.request_id
        with pytest.raises(openai.NotFoundError, match="did you mean fast"):
            await caller.chat.completions.create(model="fasd", messages=[{"role": "user", "content": "hi"}])
        async with client(url, "key-none") as stranger:
            with pytest.raises(openai.AuthenticationError):
                await stranger.models.list()


async def test_a_stream_that_breaks_off_raises() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        stream = await caller.chat.completions.create(
            model="fast", messages=[{"role": "user", "content": "text: half\ncut"}], stream=True
        )
        texts = []
        with pytest.raises(openai.APIError):
            async for chunk in stream:
                texts.append(chunk.choices[0].delta.content or "")
        with pytest.raises(openai.InternalServerError):
            await caller.chat.completions.create(
                model="fast", messages=[{"role": "user", "content": "text: half\ncut"}]
            )
    assert "".join(texts) == "half"


async def test_the_synchronous_client() -> None:
    def ask(url: str) -> tuple[str | None, str]:
        with OpenAI(base_url=f"{url}/v1", api_key="key-one", max_retries=0) as caller:
            whole = caller.chat.completions.create(model="fast", messages=[{"role": "user", "content": "text: a b"}])
            stream = caller.chat.completions.create(
                model="offline/echo", messages=[{"role": "user", "content": "c d"}], stream=True
            )
            return whole.choices[0].message.content, "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    async with running_gateway(CONFIG) as url:
        assert await asyncio.to_thread(ask, url) == ("a b", "c d")


@pytest.mark.parametrize("service", ["openai-responses", "anthropic"])
async def test_its_stream_of_a_response_bears_a_silence_before_the_first_event(service: str) -> None:
    reply = SERVICES[service].write(Answer((Say("Hello, "), Say("world."))), Seen(MODEL, stream=True))
    go = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await go.wait()
        await exchange.head(headers=reply.headers)
        for piece in reply.pieces:
            await exchange.chunk(piece)
        await exchange.end()

    async def held(up: Running) -> None:
        while not any(writer.outcome.sent for writer in up.gateway._writers):  # noqa: ASYNC110  # nobody tells of it
            await asyncio.sleep(0)
        go.set()

    soon = ServerTimeouts(grace=0, heartbeat=0.02, head_after=0.02)
    async with (
        serve(play) as server,
        running(config(server.url, service), timeouts=soon) as up,
        client(up.url, "key-of-caller") as caller,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(held(up))
        async with caller.responses.stream(model=f"{service}/{MODEL}", input="Hi") as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
    assert kinds[0] == "response.created"
    assert final.output_text == "Hello, world."
