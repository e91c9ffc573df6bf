"""Tools, their choice and the form of an answer: what the offline models obey."""

import json
from typing import Any

import pytest

from dragoman.errors import InvalidRequestError
from dragoman.providers.offline.answers import offline_losses, open_offline
from dragoman.providers.offline.obedience import formed, tool_calls
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    HostedTool,
    LostDetail,
    LostPart,
    Message,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    assistant,
    fold,
    user,
)
from tests.providers.offline.asking import batches

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("get_weather", parameters=CITY)
CLOCK = Tool("readClock")
FINISH = Tool(
    "final_result", parameters={"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
)
OBEYING = ("eliza", "script")


def ask(*messages: Message | str, tools: tuple[Tool, ...] = (WEATHER, CLOCK), **more: Any) -> ChatRequest:
    turns = tuple(user(each) if isinstance(each, str) else each for each in messages)
    return ChatRequest(model="any", messages=turns, tools=tools, **more)


def called(*names: str) -> tuple[Message, ...]:
    """The model's calls and their results, numbered from 1."""
    calls = Message("assistant", tuple(ToolCall(id=f"call_{i}", name=name) for i, name in enumerate(names, 1)))
    told = (
        Message("tool", (ToolResult(id=f"call_{i}", parts=(Text(text=f"result {i}"),)),))
        for i in range(1, len(names) + 1)
    )
    return (calls, *told)


async def answer(model: str, request: ChatRequest) -> ChatResponse:
    opened = await open_offline(model, request)
    return fold([event for batch in await batches(opened) for event in batch])


def names(request: ChatRequest) -> list[str]:
    return [directive.part.name for directive in tool_calls(request)]  # type: ignore[union-attr]  # they are calls


@pytest.mark.parametrize("model", OBEYING)
async def test_calls_the_tool_that_the_message_asks_for(model: str) -> None:
    said = await answer(model, ask("What is the weather in 'Paris'?"))
    assert said.finish_reason == "tool_call"
    assert said.message.parts == (ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris"}'),)


@pytest.mark.parametrize("model", OBEYING)
async def test_answers_in_text_with_what_the_tool_said(model: str) -> None:
    said = await answer(model, ask("The weather, please", *called("get_weather")))
    assert (said.text, said.finish_reason) == ("result 1", "stop")


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("call get_weather", ["get_weather"]),
        ("GET_WEATHER!", ["get_weather"]),
        ("what weather", ["get_weather"]),
        ("read the clock", ["readClock"]),
        ("weather, and read that clock", ["get_weather", "readClock"]),
        ("get_weather: read that clock", ["get_weather"]),
        ("clock", []),
        ("get_weather2", []),
        ("use the tool", []),
        ("hello", []),
        ("", []),
    ],
)
def test_a_message_asks_by_the_name_of_a_tool_or_by_its_words(message: str, wanted: list[str]) -> None:
    assert names(ask(message)) == wanted


def test_a_lone_tool_is_the_tool() -> None:
    assert names(ask("Use the tool.", tools=(CLOCK,))) == ["readClock"]
    assert names(ask("Use tools.", tools=(CLOCK,))) == []
    assert names(ask("Use it.", tools=(Tool("do"),))) == []


@pytest.mark.parametrize(
    ("choice", "message", "wanted"),
    [
        (ToolChoice("auto"), "weather", ["get_weather"]),
        (ToolChoice("none"), "weather", []),
        (ToolChoice("required"), "hello", ["get_weather"]),
        (ToolChoice("required"), "read the clock", ["readClock"]),
        (ToolChoice("required", names=("readClock",)), "weather", ["readClock"]),
        (ToolChoice("auto", names=("readClock",)), "weather", []),
        (ToolChoice("tool", "readClock"), "weather", ["readClock"]),
        (ToolChoice("tool", hosted="web_search"), "weather", []),
    ],
)
def test_obeys_the_choice(choice: ToolChoice, message: str, wanted: list[str]) -> None:
    assert names(ask(message, tool_choice=choice)) == wanted


def test_what_must_be_called_is_called_after_a_result_too_the_others_first() -> None:
    required = ToolChoice("required")
    after = ask("weather", *called("get_weather"), tools=(WEATHER, FINISH), tool_choice=required)
    assert names(after) == ["final_result"]
    again = ask("weather", *called("get_weather", "final_result"), tools=(WEATHER, FINISH), tool_choice=required)
    assert names(again) == ["get_weather"]
    assert names(ask("x", *called("get_weather"), tool_choice=ToolChoice("tool", "get_weather"))) == ["get_weather"]


def test_calls_one_only_if_they_may_not_be_parallel() -> None:
    both = "get_weather and readClock"
    assert names(ask(both)) == ["get_weather", "readClock"]
    assert names(ask(both, parallel_tool_calls=False)) == ["get_weather"]


def test_calls_are_numbered_through_the_conversation() -> None:
    request = ask("weather", *called("get_weather", "readClock"), assistant("It is cold."), "get_weather, readClock")
    assert [each.part.id for each in tool_calls(request)] == ["call_3", "call_4"]  # type: ignore[union-attr]  # calls


def test_a_tool_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"tool_choice: .*'get_wether'; did you mean get_weather\?"):
        tool_calls(ask("x", tool_choice=ToolChoice("tool", "get_wether")))
    with pytest.raises(InvalidRequestError, match="tool_choice"):
        tool_calls(ask("x", tools=(), tool_choice=ToolChoice("tool")))


def test_parameters_that_cannot_be_filled_are_refused_by_the_tools_name() -> None:
    for parameters in ({"type": "string"}, {"type": "object", "required": ["a"], "properties": {"a": False}}):
        with pytest.raises(InvalidRequestError, match="parameters of 'f'"):
            tool_calls(ask("f", tools=(Tool("f", parameters=parameters),)))


def test_a_freeform_tool_is_given_the_quoted_text_or_all() -> None:
    tools = (Tool("patch", input_format="text", namespace="files"),)
    for message, given in (("patch with `a b`", "a b"), ("patch it", "patch it")):
        (directive,) = tool_calls(ask(message, tools=tools))
        assert directive.arguments == given  # type: ignore[union-attr]  # it is a call
        assert directive.part == ToolCall(id="call_1", name="patch", input_format="text", namespace="files")  # type: ignore[union-attr]  # it is a call


async def test_a_script_comes_first_and_obedience_after_it() -> None:
    request = ask("tool: readClock\n---\ntext: tick", tool_choice=ToolChoice("tool", "get_weather"))
    assert (await answer("script", request)).tool_calls[0].name == "readClock"
    after = ask("tool: readClock", *called("readClock"), response_format=ResponseFormat("json_object"))
    assert (await answer("script", after)).text == '{"answer":"result 1"}'


@pytest.mark.parametrize("model", OBEYING)
async def test_fills_the_schema_of_the_answer(model: str) -> None:
    form = ResponseFormat("json_schema", schema=CITY)
    said = await answer(model, ask("Which city is 'Rome'?", tools=(), response_format=form))
    assert (json.loads(said.text), said.finish_reason) == ({"city": "Rome"}, "stop")
    after = await answer(model, ask("weather", *called("get_weather"), response_format=form))
    assert json.loads(after.text) == {"city": "result 1"}


async def test_any_json_object_has_the_keys_that_are_quoted_or_the_answer() -> None:
    form = ResponseFormat("json_object")
    keyed = ask("JSON with 'setup' and 'punch_line' keys, no 'other words'", response_format=form)
    assert formed(keyed, "x") == '{"setup":"setup","punch_line":"punch_line"}'
    assert (await answer("script", ask("hi", response_format=form))).text == '{"answer":"hi"}'
    eliza = await answer("eliza", ask("yes", response_format=form))
    assert json.loads(eliza.text) == {"answer": "I see. Please go on."}


def test_any_json_object_fits_a_schema_that_a_message_tells() -> None:
    told = Message("system", (Text(text=f"Answer by the schema {json.dumps(CITY)}."),))
    asked = ask(told, assistant('{"properties": {}}'), "'Rome'", response_format=ResponseFormat("json_object"))
    assert formed(asked, "x") == '{"city":"Rome"}'


def test_text_stays_text() -> None:
    assert formed(ask("hi", response_format=ResponseFormat("text")), "x") == "x"
    assert formed(ask("hi"), "x") == "x"
    assert json.loads(formed(ask("hi", response_format=ResponseFormat("json_schema")), "x")) == "text"


def test_a_form_that_cannot_be_filled_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="response_format: expected a schema"):
        formed(ask("hi", response_format=ResponseFormat("json_schema", schema={"enum": [1], "type": "string"})), "x")


async def test_an_answer_in_json_is_cut_at_its_length() -> None:
    said = await answer("eliza", ask("yes", response_format=ResponseFormat("json_object"), max_output_tokens=2))
    assert (said.text, said.finish_reason) == ('{"answer":"I see.', "length")


def test_what_is_obeyed_is_not_lost_and_what_is_not_is() -> None:
    tools = (
        Tool("f", strict=True, namespace="n"),
        Tool("g", input_format="text", grammar=("regex", "a")),
        HostedTool(tool="web_search"),
    )
    request = ChatRequest(
        model="any",
        messages=(user("hi"),),
        tools=tools,
        tool_choice=ToolChoice("auto", names=("f",)),
        parallel_tool_calls=False,
        response_format=ResponseFormat("json_object"),
    )
    assert offline_losses("eliza", request) == (LostDetail("tools[1].grammar"), LostPart("tools[2] (web_search)"))
