"""The schema of a tool's result, compiled to what the service takes as that of its parameters is."""

import json
from typing import Any

import pytest

from dragoman.engine.draft import draft
from dragoman.protocols.gemini.client import GeminiClient
from dragoman.protocols.gemini.server import GeminiServer
from dragoman.types import ChangedSchema, ChatRequest, Loss, LostSchema, RewrittenSchema, ServerRequest, Tool, user
from tests.support.env import fixed_env

POINT = {"type": "object", "properties": {"x": {"type": "number"}}}
REFERRING: dict[str, Any] = {
    "type": "object",
    "properties": {"at": {"$ref": "#/$defs/point"}},
    "$defs": {"point": POINT},
}
PLAIN = {"type": "object", "properties": {"at": POINT}}
RECURSIVE: dict[str, Any] = {"type": "object", "properties": {"next": {"$ref": "#"}}}
CLIENT = GeminiClient("http://service.example")


def sent(request: ChatRequest) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """The one function that the service gets, and the losses."""
    found = draft("gemini", CLIENT, request, fixed_env(), strict=False)
    assert found.request is not None, found.error
    return json.loads(found.request.body)["tools"][0]["functionDeclarations"][0], found.losses


def with_tool(tool: Tool) -> ChatRequest:
    return ChatRequest(model="m", messages=(user("hi"),), tools=(tool,))


@pytest.mark.parametrize("schema", [REFERRING, RECURSIVE])
def test_references_are_put_in_place_and_named_as_those_of_parameters(schema: dict[str, Any]) -> None:
    function, losses = sent(with_tool(Tool("f", parameters=schema, output=schema)))
    assert "$ref" not in json.dumps(function)
    assert function["responseJsonSchema"] == function["parametersJsonSchema"]
    of_parameters = [loss for loss in losses if loss.name.startswith("tools[0].parameters")]
    of_output = [loss for loss in losses if loss.name.startswith("tools[0].output")]
    assert of_parameters
    assert [(type(loss), loss.name.replace("output", "parameters")) for loss in of_output] == [
        (type(loss), loss.name) for loss in of_parameters
    ]


def test_a_result_may_be_no_object() -> None:
    schema = {"type": "array", "items": {"$ref": "#/$defs/point"}, "$defs": {"point": POINT}}
    function, losses = sent(with_tool(Tool("f", output=schema)))
    assert function["responseJsonSchema"] == {"type": "array", "items": POINT}
    assert losses == (RewrittenSchema("tools[0].output ($defs, $ref)"),)


def test_one_that_leads_nowhere_is_left_out_and_named_each_time() -> None:
    request = with_tool(Tool("f", output={"$ref": "#/$defs/nobody"}))
    for _ in range(2):
        function, losses = sent(request)
        assert function == {"name": "f"}
        assert losses == (LostSchema("tools[0].output", "#/$defs/nobody leads nowhere"),)


def test_one_without_references_stays() -> None:
    function, losses = sent(with_tool(Tool("f", output=PLAIN)))
    assert (function["responseJsonSchema"], losses) == (PLAIN, ())


@pytest.mark.parametrize(
    "fields",
    [
        {"responseJsonSchema": REFERRING},
        {"responseJsonSchema": RECURSIVE},
        {"response": {"type": "OBJECT", "properties": {"at": {"ref": "#/defs/p"}}, "defs": {"p": {"type": "STRING"}}}},
        {"response": {"type": "OBJECT"}, "parametersJsonSchema": REFERRING},
    ],
)
def test_one_of_the_same_protocol_goes_back_as_it_came(fields: dict[str, Any]) -> None:
    body = {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "tools": [{"functionDeclarations": [{"name": "f"} | fields]}],
    }
    call = ServerRequest(method="POST", path="/v1beta/models/m:generateContent", body=json.dumps(body).encode())
    function, losses = sent(GeminiServer().decode_request(call))
    assert (function, losses) == ({"name": "f"} | fields, ())


def test_a_keyword_that_has_to_go_is_named() -> None:
    function, losses = sent(with_tool(Tool("f", output=RECURSIVE)))
    assert function["responseJsonSchema"]["type"] == "object"
    assert any(isinstance(loss, ChangedSchema) and "$ref" in loss.name for loss in losses)
