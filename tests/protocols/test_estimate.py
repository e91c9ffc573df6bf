"""How many tokens a request has, by the length of what it says."""

from typing import Any

import pytest

from dragoman.protocols.estimate import OF_IMAGE, OF_MESSAGE, estimated_tokens
from dragoman.types import (
    AnyPart,
    Audio,
    ChatRequest,
    File,
    HostedCall,
    HostedResult,
    HostedTool,
    Image,
    Message,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    TokenCount,
    Tool,
    ToolCall,
    ToolResult,
    Unknown,
    user,
)

PARTS: list[tuple[AnyPart, int]] = [
    (Text(text=""), 0),
    (Text(text="abcd"), 1),
    (Text(text="abcde"), 2),
    (Text(text="щит"), 2),  # six bytes
    (Refusal(text="abcdefgh"), 2),
    (Reasoning(text="abcdefgh"), 2),
    (ToolCall(id="c", name="look", arguments='{"a":10}'), 3),
    (HostedCall(id="c", tool="web_search", name="x", arguments='{"a":10}'), 2),
    (ToolResult(id="c", parts=(Text(text="abcd"), Image(url="http://a"))), 1 + OF_IMAGE),
    (HostedResult(id="c", tool="web_search", parts=(Text(text="abcd"),)), 1),
    (Image(data="AAAA"), OF_IMAGE),
    (Audio(data="A" * 640, media_type="audio/wav"), 10),
    (File(data="A" * 6400, media_type="application/pdf"), 100),
    (File(file_id="f"), OF_IMAGE),
    (Unknown(protocol="p", data={"type": "x"}), 3),
]


@pytest.mark.parametrize(("part", "tokens"), PARTS)
def test_a_part_counts_by_its_kind(part: AnyPart, tokens: int) -> None:
    request = ChatRequest(model="m", messages=(Message("user", (part,)),))
    assert estimated_tokens(request) == TokenCount(OF_MESSAGE + tokens, estimated=True)


@pytest.mark.parametrize(
    ("more", "tokens"),
    [
        ({}, 0),
        ({"tools": (Tool("look", "abcd", {"type": "object"}),)}, 1 + 1 + 4),
        ({"tools": (Tool("look"),)}, 1),
        ({"tools": (HostedTool(tool="web_search"),)}, 0),  # what a service says of its own tools is not known
        ({"response_format": ResponseFormat("json_object")}, 0),
        ({"response_format": ResponseFormat("json_schema", name="n", schema={"type": "object"})}, 4),
    ],
)
def test_tools_and_the_form_of_the_answer_count(more: dict[str, Any], tokens: int) -> None:
    request = ChatRequest(model="m", messages=(user("abcd"),), **more)
    assert estimated_tokens(request).input_tokens == OF_MESSAGE + 1 + tokens


def test_a_request_that_says_nothing_has_a_token_all_the_same() -> None:
    assert estimated_tokens(ChatRequest(model="m", messages=())) == TokenCount(1, estimated=True)
