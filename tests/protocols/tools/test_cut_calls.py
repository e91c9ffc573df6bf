"""An answer that was cut in the midst of a call: what came before is an answer, and its reason says that it was cut."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.errors import BadEventError, InvalidRequestError
from dragoman.protocols.answer_losses import answer_losses
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.tools.cut_calls import is_begun, with_complete_calls
from dragoman.providers.openai import OpenAI
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    FinishReason,
    Message,
    ModelProfile,
    Text,
    ToolCall,
    ToolResult,
    names,
    unfold,
    user,
)
from tests.support.env import fixed_env

REQUEST = ChatRequest(model="m", messages=(user("x"),))
BEGUN = '{"a":1,"b":"half'
CALL = ToolCall(id="c1", name="f", arguments=BEGUN)
ANSWER = ChatResponse(parts=(Text(text="hi"), CALL), finish_reason="length")
OBJECTS = ("anthropic", "gemini", "ollama")
"""Protocols whose calls are objects."""


def said(name: str, answer: ChatResponse, *, stream: bool) -> list[dict[str, Any]]:
    """The JSON that a caller gets."""
    server: Any = DIALECTS[name].server
    if not stream:
        return [json.loads(server().encode_response(answer, REQUEST, fixed_env()).body)]
    body = server().encoder(REQUEST, fixed_env()).send(unfold(answer)).decode()
    lines = [line.removeprefix("data: ") for line in body.split("\n") if line.startswith(("data: ", "{"))]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("name", "reason"), [("gemini", "MAX_TOKENS"), ("ollama", "length")])
def test_who_has_no_form_for_it_gets_the_rest(name: str, reason: str, stream: bool) -> None:
    text = json.dumps(said(name, ANSWER, stream=stream))
    assert '"hi"' in text
    assert f'"{reason}"' in text
    assert "half" not in text
    assert '"f"' not in text
    server: Any = DIALECTS[name].server
    assert names(answer_losses(unfold(ANSWER), server().expresses, name)) == ("answer.tool_call.cut",)


@pytest.mark.parametrize("name", ["openai-chat", "openai-responses", "anthropic"])
def test_who_has_one_loses_nothing(name: str) -> None:
    server: Any = DIALECTS[name].server
    assert answer_losses(unfold(ANSWER), server().expresses, name) == ()
    assert "half" in json.dumps(said(name, ANSWER, stream=True))


def test_anthropic_s_callers_get_it_as_the_service_itself_sends_it() -> None:
    events = said("anthropic", ANSWER, stream=True)
    (delta,) = [each["delta"] for each in events if each.get("delta", {}).get("type") == "input_json_delta"]
    assert delta["partial_json"] == BEGUN
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"
    assert events[-1] == {"type": "message_stop"}
    (whole,) = said("anthropic", ANSWER, stream=False)
    assert whole["content"][-1] == {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}
    assert whole["stop_reason"] == "max_tokens"


@pytest.mark.parametrize("stream", [True, False])
def test_the_item_of_responses_is_incomplete(stream: bool) -> None:
    last = said("openai-responses", ANSWER, stream=stream)[-1]
    response = last["response"] if stream else last
    assert response["status"] == "incomplete"
    assert [each["status"] for each in response["output"]] == ["completed", "incomplete"]
    assert response["output"][-1]["arguments"] == BEGUN


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize(
    "answer",
    [
        replace(ANSWER, finish_reason="tool_call"),
        replace(ANSWER, finish_reason="stop"),
        replace(ANSWER, parts=(CALL, Text(text="more"))),
        replace(ANSWER, parts=(CALL, replace(CALL, id="c2", arguments="{}"))),
        replace(ANSWER, parts=(replace(CALL, arguments="[1"),)),
        replace(ANSWER, parts=(replace(CALL, arguments="{} {}"),)),
    ],
)
def test_anything_else_is_a_fault_of_the_service(name: str, answer: ChatResponse, stream: bool) -> None:
    with pytest.raises(BadEventError, match="JSON object"):
        said(name, answer, stream=stream)


@pytest.mark.parametrize("reason", ["content_filter", "refusal"])
@pytest.mark.parametrize("name", OBJECTS)
def test_a_refusal_may_cut_a_call_too(name: str, reason: FinishReason) -> None:
    for stream in (True, False):
        assert said(name, replace(ANSWER, finish_reason=reason), stream=stream)


@pytest.mark.parametrize(
    ("arguments", "begun"),
    [("", False), ("{", True), (' {"a":"}', True), ('{"a":"\\"}', True), ("{}", False), ("{}}", False), ("[{", False)],
)
def test_a_beginning_is_an_object_that_is_still_open(arguments: str, begun: bool) -> None:
    assert is_begun(CALL, arguments) == begun
    assert not is_begun(replace(CALL, input_format="text"), arguments)
    assert not is_begun(Text(text="x"), arguments)


def client_of(name: str) -> Any:
    make: Any = DIALECTS[name].client
    return make("http://up")


def conversation(arguments: str) -> ChatRequest:
    """One in which a caller sends the answer back, with what became of the call."""
    call, result = replace(CALL, arguments=arguments), ToolResult(id="c1", parts=(Text(text="not JSON"),))
    return replace(REQUEST, messages=(user("x"), Message("assistant", (call,)), Message("tool", (result,))))


@pytest.mark.parametrize("name", OBJECTS)
def test_a_caller_who_sends_it_back_is_answered(name: str) -> None:
    client = client_of(name)
    request = conversation(BEGUN)
    assert names(client.losses(request, ModelProfile())) == ("messages[1].parts[0].arguments",)
    body = client.encode_request(client.fit(request, ModelProfile()), fixed_env()).body
    assert b'{"a":1}' in body
    assert b"half" not in body


@pytest.mark.parametrize("client", [OpenAI.codec(), client_of("openai-responses")], ids=lambda client: client.name)
def test_a_service_that_has_it_gets_it_as_it_came(client: Any) -> None:
    request = conversation(BEGUN)
    assert names(client.losses(request, ModelProfile())) == ()
    assert b"half" in client.encode_request(client.fit(request, ModelProfile()), fixed_env()).body


@pytest.mark.parametrize("name", OBJECTS)
def test_arguments_that_were_never_an_object_are_the_caller_s_mistake(name: str) -> None:
    client = client_of(name)
    with pytest.raises(InvalidRequestError):
        client.encode_request(client.fit(conversation("[1]"), ModelProfile()), fixed_env())


def test_calls_that_are_complete_cost_no_new_request() -> None:
    request = conversation("{}")
    assert with_complete_calls(request) is request
