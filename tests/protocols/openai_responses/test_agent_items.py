"""Items in which Codex brings tools, and what one agent writes to another."""

from typing import Any

import pytest

from dragoman.protocols.openai_responses.agent_items import decode_agent_message, whole_item
from dragoman.protocols.openai_responses.request import decode_body
from dragoman.protocols.tools.search import found_by, found_in_words, is_search
from dragoman.types import Message, Text, Tool, Unknown

FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}}


def agent_message(*content: Any) -> dict[str, Any]:
    return {"type": "agent_message", "author": "/root", "recipient": "/root/a", "content": list(content)}


def cipher(text: str) -> dict[str, Any]:
    return {"type": "encrypted_content", "encrypted_content": text}


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (agent_message({"type": "input_text", "text": "a"}, cipher("b")), "ab"),
        (agent_message({"type": "output_text", "text": "a"}), "a"),
        ({"type": "agent_message", "content": "a"}, "a"),
    ],
)
def test_what_an_agent_writes_is_a_text_of_the_user(item: dict[str, Any], text: str) -> None:
    message = decode_agent_message(item)
    assert message is not None
    assert (message.role, message.parts, whole_item(message)) == ("user", (Text(text=text),), item)


@pytest.mark.parametrize(
    "item",
    [
        agent_message({"type": "input_text", "text": "a"}, cipher("gAAAAABo")),
        agent_message({"type": "x_new"}),
        agent_message({"type": "input_text", "text": 7}),
        agent_message(),
        {"type": "agent_message", "content": ""},
        {"type": "agent_message", "content": None},
        {"type": "agent_message"},
    ],
)
def test_what_cannot_be_read_stays_as_it_came(item: dict[str, Any]) -> None:
    assert decode_agent_message(item) is None
    (message,) = decode_body({"model": "m", "input": [item]}).messages
    assert message.parts == (Unknown(protocol="openai-responses", data=item),)


def test_tools_of_the_caller_are_the_requests() -> None:
    group = {"type": "namespace", "name": "n", "description": "d", "tools": [FUNCTION]}
    item = {"type": "additional_tools", "role": "developer", "tools": [FUNCTION, group]}
    request = decode_body({"model": "m", "tools": [FUNCTION | {"name": "g"}], "input": [item]})
    assert request.messages == (Message("developer", (), extra=request.messages[0].extra),)
    assert whole_item(request.messages[0]) == item
    assert [tool.name for tool in request.tools if isinstance(tool, Tool) and found_by(tool) is not None] == ["f", "f"]
    told = found_in_words(request)
    assert [(tool.namespace, tool.name) for tool in told.tools if isinstance(tool, Tool)] == [
        (None, "g"),
        (None, "f"),
        ("n", "f"),
    ]
    assert told.messages == request.messages


def test_an_item_with_tools_of_the_service_is_named_and_its_others_are_kept() -> None:
    item = {"type": "additional_tools", "role": "developer", "tools": [FUNCTION, {"type": "web_search"}]}
    request = decode_body({"model": "m", "input": [item]})
    assert request.messages == (Message("developer", (Unknown(protocol="openai-responses", data=item),)),)
    assert [tool.name for tool in request.tools if isinstance(tool, Tool)] == ["f"]


def test_a_tool_that_is_brought_again_is_said_once_and_is_deferred_if_its_caller_says_so() -> None:
    again = FUNCTION | {"defer_loading": True}
    items = [{"type": "additional_tools", "role": "developer", "tools": [again]}] * 2
    told = found_in_words(decode_body({"model": "m", "input": items}))
    assert [tool.defer_loading for tool in told.tools if isinstance(tool, Tool)] == [True]


def test_a_search_that_is_brought_is_one() -> None:
    search = {"type": "tool_search", "execution": "client", "description": "d", "parameters": {"type": "object"}}
    item = {"type": "additional_tools", "role": "developer", "tools": [search]}
    (tool,) = decode_body({"model": "m", "input": [item]}).tools
    assert isinstance(tool, Tool)
    assert is_search(tool)
