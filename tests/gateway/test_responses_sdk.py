"""OpenAI's own client as the caller of `/v1/responses`."""

from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from dragoman.config import Config, GatewayConfig, ModelConfig
from tests.support.gateway import running_gateway

TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
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
        whole = await caller.responses.create(model="fast", input=said)
        stream = await caller.responses.create(model="fast", input=said, stream=True)
        events = [event async for event in stream]
        async with caller.responses.stream(model="fast", input=said) as helper:
            final = await helper.get_final_response()
    assert whole.output_text == final.output_text == "Привет, 👋"
    assert whole.status == final.status == "completed"
    assert whole.usage is not None
    assert (whole.usage.input_tokens, whole.usage.output_tokens, whole.usage.total_tokens) == (3, 4, 7)
    assert (final.usage and final.usage.total_tokens) == 7
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Привет, 👋"


async def test_tool_calls_there_and_back() -> None:
    said = 'tool: get_weather {"city": "Köln"}\ntool: get_weather {"city": "Rom"}\n---\ntext: warm'
    async with running_gateway(CONFIG) as url, client(url) as caller:
        whole = await caller.responses.create(model="fast", input=said, tools=[TOOL], tool_choice="auto")
        async with caller.responses.stream(model="fast", input=said, tools=[TOOL]) as helper:
            final = await helper.get_final_response()
        calls = [item for item in whole.output if item.type == "function_call"]
        history: Any = [
            {"role": "user", "content": said},
            *whole.output,
            *({"type": "function_call_output", "call_id": call.call_id, "output": "20"} for call in calls),
        ]
        answer = await caller.responses.create(model="fast", input=history, tools=[TOOL])
    assert [call.arguments for call in calls] == ['{"city": "Köln"}', '{"city": "Rom"}']
    streamed = [item for item in final.output if item.type == "function_call"]
    assert [call.arguments for call in streamed] == ['{"city": "Köln"}', '{"city": "Rom"}']
    assert [call.call_id for call in streamed] == [call.call_id for call in calls]
    assert answer.output_text == "warm"


async def test_reasoning_refusals_and_lengths() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        async with caller.responses.stream(model="fast", input="reasoning: Hmm, let me see\ntext: Yes") as helper:
            thought = await helper.get_final_response()
        refused = await caller.responses.create(model="fast", input="refusal: I will not")
        short = await caller.responses.create(model="fast", input="text: half\nlength")
        stream = await caller.responses.create(model="fast", input="text: half\nlength", stream=True)
        events = [event async for event in stream]
    assert [item.type for item in thought.output] == ["reasoning", "message"]
    first = thought.output[0]
    assert first.type == "reasoning"
    assert first.content is not None
    assert first.content[0].text == "Hmm, let me see"
    assert thought.output_text == "Yes"
    message = refused.output[0]
    assert message.type == "message"
    assert message.content[0].type == "refusal"
    assert message.content[0].refusal == "I will not"
    for response in (short, events[-1].response):  # type: ignore[union-attr]  # the last one has it
        assert response.status == "incomplete"
        assert response.incomplete_details is not None
        assert response.incomplete_details.reason == "max_output_tokens"


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
                    await caller.responses.create(model="fast", input=f"error: {word} Because!", stream=stream)
                assert "Because!" in caught.value.message, word
                assert caught.value.request_id
        with pytest.raises(openai.NotFoundError, match="did you mean fast"):
            await caller.responses.create(model="fasd", input="hi")
        async with client(url, "key-none") as stranger:
            with pytest.raises(openai.AuthenticationError):
                await stranger.responses.create(model="fast", input="hi")


async def test_a_stream_that_breaks_off_raises() -> None:
    async with running_gateway(CONFIG) as url, client(url) as caller:
        stream = await caller.responses.create(model="fast", input="text: half\ncut", stream=True)
        texts = []
        with pytest.raises(openai.APIError):
            async for event in stream:
                if event.type == "response.output_text.delta":
                    texts.append(event.delta)
        with pytest.raises(openai.InternalServerError):
            await caller.responses.create(model="fast", input="text: half\ncut")
    assert "".join(texts) == "half"
