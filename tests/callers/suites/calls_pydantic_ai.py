"""pydantic-ai: agents with tools and typed results, by two protocols.

Its third, Messages, fails before it sends anything: pydantic-ai 2.31.1 passes options that anthropic 2.14.0 and 1.17.0
do not take (2026-11-26).
"""

from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, PromptedOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider


class City(BaseModel):
    name: str
    country: str


class Unknown(BaseModel):
    why: str


PARIS = City(name="Paris", country="France")
ASKED = "It is 'Paris' in 'France'."


@pytest.fixture(params=[OpenAIChatModel, OpenAIResponsesModel])
def llm(request: pytest.FixtureRequest, url: str, model: str) -> Any:
    """A model of each protocol."""
    return request.param(model, provider=OpenAIProvider(base_url=f"{url}/v1", api_key="key"))


def weather_agent(llm: Any, seen: list[str], **more: Any) -> Any:
    agent = Agent(llm, **more)

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city."""
        seen.append(city)
        return f"sunny in {city}"

    return agent


async def test_text(llm: Any) -> None:
    result = await Agent(llm).run("hello")
    assert result.output
    assert result.usage.output_tokens > 0


async def test_text_as_it_comes(llm: Any) -> None:
    async with Agent(llm).run_stream("one two three") as result:
        pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
    assert len(pieces) > 1


async def test_a_tool_is_called_and_its_result_told(llm: Any) -> None:
    seen: list[str] = []
    result = await weather_agent(llm, seen).run("What is the weather in 'Paris'?")
    assert (seen, result.output) == (["Paris"], "sunny in Paris")


async def test_a_tool_is_called_in_a_stream(llm: Any) -> None:
    seen: list[str] = []
    async with weather_agent(llm, seen).run_stream("What is the weather in 'Paris'?") as result:
        assert await result.get_output() == "sunny in Paris"
    assert seen == ["Paris"]


async def test_a_result_of_a_class(llm: Any) -> None:
    assert (await Agent(llm, output_type=City).run(ASKED)).output == PARIS


async def test_a_result_of_one_of_two_classes(llm: Any) -> None:
    assert (await Agent(llm, output_type=[City, Unknown]).run(ASKED)).output == PARIS


async def test_a_tool_and_then_a_result_of_a_class(llm: Any) -> None:
    seen: list[str] = []
    result = await weather_agent(llm, seen, output_type=City).run("What is the weather in 'Paris'?")
    assert seen == ["Paris"]
    assert isinstance(result.output, City)


async def test_a_result_by_a_schema(llm: Any) -> None:
    assert (await Agent(llm, output_type=NativeOutput(City)).run(ASKED)).output == PARIS


async def test_a_result_by_a_schema_in_the_prompt(llm: Any) -> None:
    assert (await Agent(llm, output_type=PromptedOutput(City)).run(ASKED)).output == PARIS


async def test_a_second_question(llm: Any) -> None:
    agent = Agent(llm)
    first = await agent.run("yes")
    assert (await agent.run("yes", message_history=first.all_messages())).output
