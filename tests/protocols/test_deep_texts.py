"""Texts of JSON nested so deeply that no reader gets to the end: written, or refused by an error of ours."""

from contextlib import suppress

import pytest

from dragoman.errors import DragomanError
from dragoman.protocols.tools.search import MARK
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    Message,
    ModelProfile,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    user,
)
from tests.support.env import fixed_env
from tests.support.translating import FRONTS, client_of, server_of

NESTED = "[" * 20_000 + "]" * 20_000
DEEP = {"lists": NESTED, "an object": f'{{"x":{NESTED}}}'}
TOOLS = {
    "function": Tool("f"),
    "freeform": Tool("f", input_format="text"),
    "search": Tool("tool_search", extra=MARK),
}


def called(tool: Tool, text: str) -> ToolCall:
    return ToolCall(id="1", name=tool.name, arguments=text, input_format=tool.input_format, extra=tool.extra)


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
@pytest.mark.parametrize("front", FRONTS)
def test_an_answer_is_written(front: str, tool: Tool, text: str) -> None:
    request = ChatRequest(model="m", messages=(user("hi"),), tools=(tool,))
    call = called(tool, text)
    with suppress(DragomanError):
        server_of(front).encode_response(ChatResponse(parts=(call,), finish_reason="tool_call"), request, fixed_env())
    start = PartStart(ToolCall(id="1", name=tool.name, input_format=tool.input_format, extra=tool.extra))
    with suppress(DragomanError):
        server_of(front).encoder(request, fixed_env()).send(
            [ResponseStart(), start, PartDelta(text), PartEnd(), ResponseEnd("tool_call")]
        )


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
@pytest.mark.parametrize("name", FRONTS)
def test_a_request_is_written(name: str, tool: Tool, text: str) -> None:
    result = Message("tool", (ToolResult(id="1", parts=(Text(text=text),), extra=tool.extra),))
    messages = (user("hi"), Message("assistant", (called(tool, text),)), result)
    request = ChatRequest(model="m", messages=messages, tools=(tool,), user=text)
    client = client_of(name)
    with suppress(DragomanError):
        client.losses(request, ModelProfile())
        client.encode_request(client.fit(request, ModelProfile()), fixed_env())
