"""Requests to models that know functions alone: only those with other tools, or calls of such, are translated."""

import json
from typing import Any

import pytest

from dragoman.protocols.base import ClientCodec, ServerCodec
from dragoman.protocols.openai_chat import OpenAIChatClient, OpenAIChatServer, Variant
from dragoman.protocols.openai_responses import OpenAIResponsesClient, OpenAIResponsesServer
from dragoman.types import ModelProfile, ServerRequest

ALONE = ModelProfile(freeform_tools=False)
PARAMETERS = {
    "type": "object",
    "properties": {"namespace": {"type": "string"}, "custom": {"enum": ["custom", "namespace"]}, "type": {}},
}
FUNCTION = {"name": "custom", "parameters": PARAMETERS}
FREEFORM = {"type": "custom", "custom": {"name": "f"}}
CALL = {"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}
ASKED = {"role": "user", "content": "custom"}

CHAT: list[tuple[dict[str, Any], bool]] = [
    ({"tools": [{"type": "function", "function": FUNCTION}]}, True),
    ({"tools": [{"type": "function", "function": FUNCTION}, FREEFORM]}, False),
    ({"messages": [ASKED, {"role": "assistant", "tool_calls": [CALL]}]}, False),
    ({"messages": [ASKED, {"role": "assistant", "tool_calls": [CALL]}], "tools": []}, False),
    ({"tools": ["custom"]}, False),
]
RESPONSES: list[tuple[dict[str, Any], bool]] = [
    ({"tools": [{"type": "function"} | FUNCTION]}, True),
    ({"input": "custom"}, True),
    ({"tools": [{"type": "function"} | FUNCTION, {"type": "custom", "name": "f"}]}, False),
    ({"tools": [{"type": "namespace", "name": "g", "tools": [{"type": "function"} | FUNCTION]}]}, False),
    ({"input": [ASKED, {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"}]}, False),
    ({"input": [ASKED, {"type": "custom_tool_call_output", "call_id": "c", "output": "x"}]}, False),
    ({"input": [ASKED, {"type": "function_call", "namespace": "g", "call_id": "c", "name": "f"}]}, False),
    ({"input": [{"type": "additional_tools", "tools": [{"type": "custom", "name": "f"}]}, ASKED]}, False),
    ({"input": [{"type": "additional_tools", "tools": [{"type": "function"} | FUNCTION]}, ASKED]}, True),
    ({"tools": [{"type": "tool_search", "execution": "client"}]}, False),
    ({"input": "tool_search"}, True),
    ({"tools": ["custom"]}, False),
]
CASES = [
    *((OpenAIChatServer(), OpenAIChatClient("http://up"), *case) for case in CHAT),
    *((OpenAIResponsesServer(), OpenAIResponsesClient("http://up"), *case) for case in RESPONSES),
]


def is_relayed(server: ServerCodec, client: ClientCodec, body: bytes, profile: ModelProfile) -> bool:
    request = server.reader.at_once(ServerRequest(method="POST", path="/", body=body))
    assert request is not None
    assert client.relay is not None
    takes = client.relay.takes
    return (takes is None or takes(request)) and client.relay.takes_settings(request, "m", profile)


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize(("server", "client", "fields", "relayed"), CASES)
def test_only_requests_with_more_than_functions_are_translated(
    server: ServerCodec, client: ClientCodec, fields: dict[str, Any], separators: tuple[str, str], *, relayed: bool
) -> None:
    body = json.dumps({"model": "m", "messages": [ASKED], "input": [ASKED]} | fields, separators=separators).encode()
    assert is_relayed(server, client, body, ALONE) is relayed
    assert is_relayed(server, client, body, ModelProfile())


@pytest.mark.parametrize(("fields", "relayed"), CHAT)
def test_a_service_that_has_functions_alone_is_asked_likewise(fields: dict[str, Any], *, relayed: bool) -> None:
    body = json.dumps({"model": "m", "messages": [ASKED]} | fields).encode()
    client = OpenAIChatClient("http://up", Variant(custom_tools=False))
    assert is_relayed(OpenAIChatServer(), client, body, ModelProfile()) is relayed
