"""Requests as programs in other languages and of other years write them."""

import json
from typing import Any

from dragoman.protocols.ollama import OllamaServer
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.types import ChatRequest, ModelProfile, ServerRequest, Text, ToolResult

SERVER = OllamaServer()


def asked(body: dict[str, Any], path: str = "/api/chat") -> ChatRequest:
    return SERVER.decode_request(
        ServerRequest(method="POST", path=path, body=json.dumps({"model": "m"} | body).encode())
    )


def call(name: str) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": {}}}


def results(*said: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    turns = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "", "tool_calls": [call("f"), call("g")]},
    ]
    messages = asked({"messages": [*turns, *({"role": "tool"} | each for each in said)]}).messages
    found = [part for message in messages for part in message.parts if isinstance(part, ToolResult)]
    return [(each.id, each.name, "".join(part.text for part in each.parts if isinstance(part, Text))) for each in found]


def test_the_older_name_of_a_tool_finds_its_call() -> None:
    assert results({"name": "g", "content": "G"}, {"name": "f", "content": "F"}) == [
        ("call_1_1", "g", "G"),
        ("call_1_0", "f", "F"),
    ]


def test_a_name_that_is_no_tool_s_is_passed_over() -> None:
    assert results({"name": "Ann", "content": "F"}, {"name": 5, "content": "G"}) == [
        ("call_1_0", None, "F"),
        ("call_1_1", None, "G"),
    ]


def test_what_go_writes_for_an_empty_list_is_no_keyword_of_a_schema() -> None:
    inner = {"type": "string", "enum": None, "default": None}
    listed = {"type": "array", "items": {"type": "object", "required": None, "properties": None}}
    schema = {"type": "object", "required": None, "properties": {"required": inner, "b": listed, "c": None}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    (found,) = asked({"messages": [{"role": "user", "content": "x"}], "tools": [tool]}).tools
    properties = {
        "required": {"type": "string", "default": None},
        "b": {"type": "array", "items": {"type": "object", "properties": {}}},
        "c": None,
    }
    assert getattr(found, "parameters") == {"type": "object", "properties": properties}  # noqa: B009


def test_a_text_to_be_continued_has_no_tools_whose_calls_nobody_could_tell() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    request = asked({"prompt": "x", "tools": [tool]}, "/api/generate")
    assert request.tools == ()
    assert [loss.name for loss in OpenAIChatClient("http://up").losses(request, ModelProfile())] == ["tools"]
