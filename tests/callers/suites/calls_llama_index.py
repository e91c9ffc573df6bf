"""LlamaIndex: OpenAILike, its tools, its structured answers and an agent."""

from typing import Any

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel


class City(BaseModel):
    name: str
    country: str


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


PARIS = City(name="Paris", country="France")
PROMPT = PromptTemplate("It is '{name}' in 'France'.")
HELLO = [ChatMessage(role="user", content="one two three")]
TOOL = FunctionTool.from_defaults(get_weather)


def caller(url: str, model: str, **more: Any) -> OpenAILike:
    settings = {"is_chat_model": True, "is_function_calling_model": True, "max_retries": 0, **more}
    return OpenAILike(model=model, api_base=f"{url}/v1", api_key="key", **settings)


def test_a_chat(url: str, model: str) -> None:
    assert caller(url, model).chat(HELLO).message.content


async def test_a_chat_without_blocking(url: str, model: str) -> None:
    assert (await caller(url, model).achat(HELLO)).message.content


def test_a_chat_as_it_comes(url: str, model: str) -> None:
    assert len([piece.delta for piece in caller(url, model).stream_chat(HELLO) if piece.delta]) > 1


def test_a_completion_over_a_chat(url: str, model: str) -> None:
    assert caller(url, model).complete("hello").text


def test_a_completion_by_the_old_path(url: str, model: str) -> None:
    assert caller(url, model, is_chat_model=False, is_function_calling_model=False).complete("hello").text


def test_a_call_of_a_tool(url: str, model: str) -> None:
    llm = caller(url, model)
    reply = llm.chat_with_tools([TOOL], user_msg="What is the weather in 'Paris'?")
    (call,) = llm.get_tool_calls_from_response(reply)
    assert call.tool_kwargs == {"city": "Paris"}


def test_a_tool_that_is_called_at_once(url: str, model: str) -> None:
    assert str(caller(url, model).predict_and_call([TOOL], "The weather in 'Paris'?")) == "sunny in Paris"


def test_an_answer_of_a_class_by_a_tool(url: str, model: str) -> None:
    assert caller(url, model).structured_predict(City, PROMPT, name="Paris") == PARIS


def test_an_answer_of_a_class_by_a_schema(url: str, model: str) -> None:
    llm = caller(url, model, should_use_structured_outputs=True)
    assert llm.structured_predict(City, PROMPT, name="Paris") == PARIS


def test_a_call_of_a_tool_as_it_comes(url: str, model: str) -> None:
    llm = caller(url, model)
    *_, last = llm.stream_chat_with_tools([TOOL], user_msg="What is the weather in 'Paris'?")
    (call,) = llm.get_tool_calls_from_response(last)
    assert call.tool_kwargs == {"city": "Paris"}


def test_a_model_of_structured_answers(url: str, model: str) -> None:
    assert caller(url, model).as_structured_llm(City).complete("It is 'Paris' in 'France'.").raw == PARIS


async def test_an_agent(url: str, model: str) -> None:
    agent = FunctionAgent(tools=[TOOL], llm=caller(url, model))
    assert str(await agent.run("What is the weather in 'Paris'?")) == "sunny in Paris"
