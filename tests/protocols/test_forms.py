"""The schema of an answer's form, compiled to what each target takes; and where references in schemas of tools go."""

import json
from typing import Any

import pytest

from dragoman.protocols.anthropic import AnthropicClient
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.gemini import GeminiClient, GeminiServer
from dragoman.protocols.ollama import OllamaClient
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_responses import OpenAIResponsesClient
from dragoman.protocols.tools.schema.compiler import compiled_form
from dragoman.providers.profiles import CLAUDE_FORM, KNOWN, OPENAI_FORM
from dragoman.types import (
    ChangedSchema,
    ChatRequest,
    HttpRequest,
    ModelProfile,
    ResponseFormat,
    RewrittenSchema,
    SchemaSupport,
    ServerRequest,
    Tool,
    user,
)
from tests.protocols.tools.schema.corpus import CORPUS
from tests.protocols.tools.schema.test_meaning import judge
from tests.protocols.tools.schema.values import values
from tests.support.env import fixed_env

URL = "http://up"
CHAT, RESPONSES = OpenAIChatClient(f"{URL}/v1"), OpenAIResponsesClient(f"{URL}/v1")
CLAUDE, GEMINI, OLLAMA = AnthropicClient(URL), GeminiClient(URL), OllamaClient(URL)
GPT, OPUS = KNOWN.profile_of("gpt-5.1"), KNOWN.profile_of("claude-opus-4-6")

BOUNDED: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}, "s": {"type": "string", "minLength": 2}},
    "required": ["n"],
}
TREE: dict[str, Any] = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
    "required": ["next"],
    "additionalProperties": False,
}
NAMED: dict[str, Any] = {
    "type": "object",
    "properties": {"at": {"$ref": "#/$defs/place", "description": "where"}},
    "$defs": {"place": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
PLACED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "at": {"type": "object", "properties": {"city": {"type": "string"}}, "description": "where"},
    },
}


def asking(schema: dict[str, Any], *, strict: bool | None = None) -> ChatRequest:
    """A request for an answer of this form."""
    form = ResponseFormat("json_schema", name="n", schema=schema, strict=strict)
    return ChatRequest(model="m", messages=(user("hi"),), response_format=form)


def sent(client: ClientCodec, request: ChatRequest, profile: ModelProfile) -> dict[str, Any]:
    """The body of a request."""
    message = client.encode_request(client.fit(request, profile), fixed_env())
    assert isinstance(message, HttpRequest)
    body: dict[str, Any] = json.loads(message.body)
    return body


def form_of(client: ClientCodec, request: ChatRequest, profile: ModelProfile) -> dict[str, Any]:
    """The schema of the form in a request."""
    match sent(client, request, profile):
        case {"response_format": {"json_schema": {"schema": schema}}} | {"text": {"format": {"schema": schema}}}:
            pass
        case {"output_config": {"format": {"schema": schema}}} | {"format": schema}:
            pass
        case {"generationConfig": {"responseJsonSchema": schema}}:
            pass
        case other:
            raise AssertionError(other)
    found: dict[str, Any] = schema
    return found


def test_what_claude_refuses_is_said_in_words() -> None:
    request = asking(BOUNDED)
    schema = form_of(CLAUDE, request, OPUS)
    assert schema["additionalProperties"] is False
    assert schema["properties"]["n"].keys() == {"type", "description"}
    assert "9" in schema["properties"]["n"]["description"]
    assert schema["required"] == ["n"]
    assert CLAUDE.losses(request, OPUS)[-1] == RewrittenSchema(
        "response_format.schema (additionalProperties, maximum, minLength, minimum)"
    )


def test_other_properties_that_were_asked_for_are_named_as_lost() -> None:
    request = asking(BOUNDED | {"additionalProperties": {"type": "string"}})
    assert ChangedSchema("response_format.schema (additionalProperties)") in CLAUDE.losses(request, OPUS)
    assert form_of(CLAUDE, request, OPUS)["additionalProperties"] is False


def test_a_form_that_claude_takes_is_sent_as_it_is() -> None:
    request = asking(TREE)
    assert form_of(CLAUDE, request, OPUS)["properties"] == TREE["properties"]
    assert not [loss for loss in CLAUDE.losses(request, OPUS) if "schema" in loss.name]


@pytest.mark.parametrize("client", [CHAT, RESPONSES])
def test_a_strict_form_has_only_what_openai_takes_there(client: ClientCodec) -> None:
    either = TREE | {"properties": {"next": {"oneOf": [{"type": "string", "minLength": 3}, {"type": "null"}]}}}
    strict, loose = asking(either, strict=True), asking(either)
    schema = form_of(client, strict, GPT)
    assert "oneOf" not in json.dumps(schema)
    assert "minLength" not in json.dumps(schema)
    assert form_of(client, loose, GPT) == either
    assert "response_format.schema" in " ".join(loss.name for loss in client.losses(strict, GPT))
    assert client.losses(loose, GPT) == ()
    assert form_of(client, asking(TREE, strict=True), GPT) == TREE


def test_of_families_that_are_not_known_nothing_is_changed() -> None:
    for client in (CHAT, RESPONSES, CLAUDE, OLLAMA):
        schema = form_of(client, asking(BOUNDED, strict=True), ModelProfile())
        assert {name: schema[name] for name in BOUNDED} == BOUNDED


def test_no_reference_reaches_gemini() -> None:
    request = asking(NAMED)
    schema = form_of(GEMINI, request, ModelProfile())
    assert {name: schema[name] for name in PLACED} == PLACED
    assert "$" not in json.dumps(schema)
    assert RewrittenSchema("response_format.schema ($defs, $ref)") in GEMINI.losses(request, ModelProfile())


def with_tool(schema: dict[str, Any]) -> ChatRequest:
    return ChatRequest(model="m", messages=(user("hi"),), tools=(Tool("f", parameters=schema),))


def test_no_reference_in_a_tool_reaches_gemini_and_ollama() -> None:
    request = with_tool(NAMED)
    (gemini,) = sent(GEMINI, request, KNOWN.profile_of("gemini-3-pro"))["tools"][0]["functionDeclarations"]
    (ollama,) = sent(OLLAMA, request, ModelProfile())["tools"]
    assert gemini["parametersJsonSchema"] == ollama["function"]["parameters"] == PLACED
    for client in (GEMINI, OLLAMA):
        assert client.losses(request, ModelProfile()) == (RewrittenSchema("tools[0].parameters ($defs, $ref)"),)


def test_the_rest_of_a_tool_reaches_them_as_it_is() -> None:
    for schema in (BOUNDED, PLACED, {"type": "object", "properties": {"a": {"oneOf": [{"const": 1}, True]}}}):
        request = with_tool(schema)
        for client in (GEMINI, OLLAMA):
            assert client.fit(request, ModelProfile()) is request
            assert client.losses(request, ModelProfile()) == ()


def test_a_gemini_caller_gets_its_references_to_gemini_as_they_came() -> None:
    function = {"name": "f", "parametersJsonSchema": NAMED}
    body = {
        "contents": [{"role": "user", "parts": [{"text": "x"}]}],
        "tools": [{"functionDeclarations": [function]}],
        "generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": NAMED | {"$id": "a"}},
    }
    call = ServerRequest(
        method="POST", path="/v1beta/models/m:generateContent", body=json.dumps(body, sort_keys=True).encode()
    )
    request = GeminiServer().decode_request(call)
    assert sent(GEMINI, request, ModelProfile()) == body
    assert GEMINI.losses(request, ModelProfile()) == ()
    ollama = sent(OLLAMA, request, ModelProfile())
    assert ollama["tools"][0]["function"]["parameters"] == PLACED


TARGETS = {
    "claude": SchemaSupport(
        keywords=frozenset(CLAUDE_FORM.format_keywords or ()), formats=frozenset(CLAUDE_FORM.format_formats or ())
    ),
    "openai": SchemaSupport(
        keywords=frozenset(OPENAI_FORM.format_keywords or ()), formats=frozenset(OPENAI_FORM.format_formats or ())
    ),
    "gemini": SchemaSupport(limits=frozenset({"references"})),
}


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_valid_stays_valid(target: str) -> None:
    wrong, seen = [], 0
    for name, schema in CORPUS.items():
        result = compiled_form(schema, TARGETS[target])
        if result.schema is schema:
            continue
        before, after = judge(schema), judge(result.schema)
        valid = [value for value in values(schema, 20) if before.is_valid(value)]
        seen += len(valid)
        wrong += [(name, value, result.schema) for value in valid if not after.is_valid(value)][:1]
    assert wrong == []
    assert seen > 100
