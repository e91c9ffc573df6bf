"""Requests that are wrong: the error names the field, what was expected and what came."""

import json
from typing import Any

import pytest

from dragoman.errors import InvalidRequestError
from dragoman.protocols.anthropic import AnthropicCountServer, AnthropicServer
from dragoman.protocols.registry import DIALECTS
from dragoman.types import ModelProfile, ServerRequest

ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}


def turn(content: Any, role: str = "user") -> dict[str, Any]:
    """A conversation that ends with this turn."""
    before = [] if role == "user" else ASK["messages"]
    return {"messages": [*before, {"role": role, "content": content}]}  # type: ignore[misc]  # a list


ASKED = {"role": "user", "content": "x"}
CALL = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
CALLED = [ASKED, {"role": "assistant", "content": [CALL]}]


def answered(*blocks: Any) -> dict[str, Any]:
    """The result of the call."""
    return {"type": "tool_result", "tool_use_id": "a", "content": list(blocks)}


CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"compaction": "summarize"}, "compaction", "expected an object, got a string"),
    ({"compaction": {"instructions": 5}}, "compaction.instructions", "expected a string, got an integer"),
    ({"model": 5}, "model", "expected a string, got an integer"),
    ({"max_tokens": None}, "max_tokens", "expected an integer, got nothing"),
    ({"max_tokens": -1}, "max_tokens", "expected at least 0, got -1"),
    ({"max_tokens": "9"}, "max_tokens", "expected an integer, got a string"),
    ({"messages": None}, "messages", "expected a list of messages, got nothing"),
    ({"messages": []}, "messages", "expected at least one message"),
    ({"messages": ["x"]}, "messages[0]", "expected an object, got a string"),
    ({"messages": [{"content": "x"}]}, "messages[0].role", "expected a string, got nothing"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role", "expected one of user, assistant, system"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "expected a string or a list of blocks, got nothing"),
    (
        {"messages": [ASKED, {"role": "system", "output_config": {}}]},
        "messages[1].content",
        "expected a string or a list of blocks, got nothing",
    ),
    (
        {"messages": [ASKED, {"role": "user", "output_config": {"effort": "low"}}]},
        "messages[1].content",
        "expected a string or a list of blocks, got nothing",
    ),
    (turn([]), "messages[0].content", "expected at least one block"),
    (turn([5]), "messages[0].content[0]", "expected an object, got an integer"),
    (turn([{"text": "x"}]), "messages[0].content[0].type", "expected a string, got nothing"),
    (turn([{"type": "text"}]), "messages[0].content[0].text", "expected a string, got nothing"),
    (turn([{"type": "text", "text": 5}]), "messages[0].content[0].text", "expected a string, got an integer"),
    (turn([{"type": "image"}]), "messages[0].content[0].source", "expected an object, got nothing"),
    (
        turn([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "%"}}]),
        "messages[0].content[0].source.data",
        "expected base64",
    ),
    (
        turn([{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": ""}}]),
        "messages[0].content[0].source.data",
        "expected base64, got an empty string",
    ),
    (
        turn([{"type": "document", "source": {"type": "url"}}]),
        "messages[0].content[0].source.url",
        "expected a string, got nothing",
    ),
    (
        turn([{"type": "thinking", "thinking": "x", "signature": "y"}]),
        "messages[0].content[0].type",
        "expected such a block only in an assistant's turn",
    ),
    (
        turn([{"type": "tool_use", "id": "a", "name": "f", "input": {}}]),
        "messages[0].content[0].type",
        "expected such a block only in an assistant's turn",
    ),
    (
        turn([{"type": "tool_result", "tool_use_id": "a"}]),
        "messages[0].content[0].tool_use_id",
        "expected the id of a call in the turn before, got another one",
    ),
    (
        turn([{"type": "tool_use", "id": "a", "name": "f", "input": "{}"}], "assistant"),
        "messages[1].content[0].input",
        "expected an object, got a string",
    ),
    (
        turn([{"type": "tool_use", "id": "a", "name": "f", "input": [1]}], "assistant"),
        "messages[1].content[0].input",
        "expected an object, got a list",
    ),
    (
        turn([{"type": "tool_use", "id": "a", "name": "f"}], "assistant"),
        "messages[1].content[0].input",
        "expected an object, got nothing",
    ),
    (
        turn([{"type": "tool_result", "tool_use_id": "a"}], "assistant"),
        "messages[1].content[0].type",
        "expected a tool's result only in a user's turn",
    ),
    (
        turn([{"type": "server_tool_use", "id": "a", "name": "web_search", "input": "{}"}], "assistant"),
        "messages[1].content[0].input",
        "expected an object, got a string",
    ),
    (
        turn([{"type": "text", "text": "x", "citations": [{"type": "char_location", "cited_text": 5}]}], "assistant"),
        "messages[1].content[0].citations[0].cited_text",
        "expected a string, got an integer",
    ),
    (
        turn([{"type": "text", "text": "x", "citations": [5]}], "assistant"),
        "messages[1].content[0].citations[0]",
        "expected an object, got an integer",
    ),
    (
        {"messages": [*CALLED, {"role": "user", "content": [answered({"type": "thinking", "thinking": "x"})]}]},
        "messages[2].content[0].content[0].type",
        "expected a block that a result may have, got another one",
    ),
    ({"system": [CALL]}, "system", "expected a string or a list of texts, got a list"),
    ({"system": 5}, "system", "expected a string or a list of blocks, got an integer"),
    ({"temperature": 1.5}, "temperature", "expected 0 to 1, got 1.5"),
    ({"top_k": 1.5}, "top_k", "expected an integer, got a number"),
    ({"stop_sequences": "x"}, "stop_sequences", "expected a list, got a string"),
    ({"stop_sequences": [5]}, "stop_sequences[0]", "expected a string, got an integer"),
    ({"stream": "yes"}, "stream", "expected a boolean, got a string"),
    ({"metadata": {"user_id": 5}}, "metadata.user_id", "expected a string, got an integer"),
    ({"thinking": {"type": "hard"}}, "thinking.type", "expected one of enabled, adaptive, disabled, between_tools"),
    ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens", "expected an integer, got nothing"),
    ({"thinking": {"type": "enabled", "budget_tokens": 5}}, "thinking.budget_tokens", "expected at least 1024, got 5"),
    ({"output_config": {"effort": 5}}, "output_config.effort", "expected a string, got an integer"),
    ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema", "expected an object"),
    ({"output_format": {"type": "json_schema"}}, "output_format.schema", "expected an object"),
    ({"tools": [{"name": "f"}]}, "tools[0].input_schema", "expected an object, got nothing"),
    ({"tools": [{"input_schema": {}}]}, "tools[0].name", "expected a string, got nothing"),
    ({"tools": [{"type": 5}]}, "tools[0].type", "expected a string, got an integer"),
    ({"tools": [{"type": []}]}, "tools[0].type", "expected a string, got a list"),
    ({"tool_choice": "auto"}, "tool_choice", "expected an object, got a string"),
    ({"tool_choice": {"type": "maybe"}}, "tool_choice.type", "expected one of auto, any, tool, none"),
    ({"tool_choice": {"type": "tool"}}, "tool_choice.name", "expected a string, got nothing"),
]


@pytest.mark.parametrize(("change", "param", "words"), CASES)
def test_the_error_names_the_field(change: dict[str, Any], param: str, words: str) -> None:
    body = {name: value for name, value in (ASK | change).items() if value is not None}
    with pytest.raises(InvalidRequestError) as caught:
        AnthropicServer().decode_request(ServerRequest(method="POST", path="/", body=json.dumps(body).encode()))
    assert caught.value.param == param
    assert str(caught.value).startswith(f"{param}: {words}")


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":"\\ud800"}'])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    call = ServerRequest(method="POST", path="/", body=body)
    for server in (AnthropicServer(), AnthropicCountServer()):
        with pytest.raises(InvalidRequestError):
            server.decode_request(call)


def test_a_count_needs_no_limit() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode()
    request = AnthropicCountServer().decode_request(ServerRequest(method="POST", path="/", body=body))
    assert request.max_output_tokens is None


def test_results_of_a_conversation_that_the_service_keeps_need_no_call_here() -> None:
    body = ASK | turn([{"type": "tool_result", "tool_use_id": "a"}]) | {"thread": {"id": "t"}}
    call = ServerRequest(method="POST", path="/", body=json.dumps(body).encode())
    assert AnthropicServer().decode_request(call).essential == ("thread",)


@pytest.mark.parametrize("name", ["thread", "compaction", "container"])
def test_a_field_that_is_null_asks_for_nothing(name: str) -> None:
    call = ServerRequest(method="POST", path="/", body=json.dumps(ASK | {name: None}).encode())
    request = AnthropicServer().decode_request(call)
    assert (request.essential, request.compact) == ((), False)


def test_results_need_their_call_if_no_conversation_is_kept() -> None:
    body = ASK | turn([{"type": "tool_result", "tool_use_id": "a"}]) | {"thread": None}
    with pytest.raises(InvalidRequestError, match="the id of a call"):
        AnthropicServer().decode_request(ServerRequest(method="POST", path="/", body=json.dumps(body).encode()))


def test_a_count_asks_for_no_summary() -> None:
    body = json.dumps(ASK | {"compaction": {"type": "summarize"}}).encode()
    call = ServerRequest(method="POST", path="/", body=body)
    assert AnthropicServer().decode_request(call).compact
    counted = AnthropicCountServer().decode_request(call)
    client: Any = DIALECTS["gemini"].client
    assert not counted.compact
    assert list(client("http://up").losses(counted, ModelProfile())) == []


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": CALLED, "model": 5}, "model"),
        ({"messages": [{"role": "assistant", "content": 5, "input": {}}]}, "messages[0].content"),
        ({"messages": [{"content": [CALL]}]}, "messages[0].role"),
        ({"messages": "input"}, "messages"),
    ],
)
def test_what_is_wrong_beside_an_input_is_named_as_well(change: dict[str, Any], param: str) -> None:
    body = json.dumps(ASK | change | {"x": {"input": 1}}).encode()
    with pytest.raises(InvalidRequestError) as caught:
        AnthropicServer().decode_request(ServerRequest(method="POST", path="/", body=body))
    assert caught.value.param == param
