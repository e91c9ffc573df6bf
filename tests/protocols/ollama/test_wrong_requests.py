"""What a caller got wrong is refused, and the error names the field."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import InvalidRequestError
from dragoman.protocols.ollama import OllamaClient, OllamaServer
from dragoman.protocols.ollama.write_messages import encode_messages
from dragoman.types import ModelProfile, ServerRequest, Text, ToolResult
from tests.support.env import fixed_env

SERVER = OllamaServer()
CALL = {"function": {"name": "f", "arguments": {}}}


def refused(body: bytes, path: str = "/api/chat") -> str:
    """Why the body is refused."""
    with pytest.raises(InvalidRequestError) as caught:
        SERVER.decode_request(ServerRequest(method="POST", path=path, body=body))
    assert caught.value.status == 400
    return caught.value.message


def said(*messages: Any, **more: Any) -> bytes:
    """A request of these messages."""
    return json.dumps({"model": "m", "messages": list(messages)} | more).encode()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (5, "messages[0]: expected an object, got an integer"),
        ({}, "messages[0].role: expected a string, got nothing"),
        ({"role": "x"}, "messages[0].role: expected one of system, user, assistant, tool, got 'x'"),
        ({"role": "user", "content": []}, "messages[0].content: expected a string, got a list"),
        ({"role": "user", "images": ["%%"]}, "messages[0].images[0]: expected base64"),
        ({"role": "user", "images": [""]}, "messages[0].images[0]: expected base64, got an empty string"),
        ({"role": "user", "images": [5]}, "messages[0].images[0]: expected base64, got an integer"),
        ({"role": "user", "images": ["data:image/png;base64,AAAA"]}, "messages[0].images[0]: expected base64"),
        ({"role": "user", "images": "AAAA"}, "messages[0].images: expected a list, got a string"),
        ({"role": "assistant", "thinking": 1}, "messages[0].thinking: expected a string, got an integer"),
        ({"role": "assistant", "tool_calls": [{}]}, "messages[0].tool_calls[0].function: expected an object"),
        (
            {"role": "assistant", "tool_calls": [{"function": {"arguments": {}}}]},
            "messages[0].tool_calls[0].function.name: expected a string, got nothing",
        ),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
            "messages[0].tool_calls[0].function.arguments: expected an object, got a string",
        ),
        ({"role": "tool", "content": 1}, "messages[0].content: expected a string, got an integer"),
    ],
)
def test_a_wrong_message_is_named(message: Any, reason: str) -> None:
    assert reason in refused(said(message))


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"model": 5}, "model: expected a string, got an integer"),
        ({"stream": "yes"}, "stream: expected a boolean, got a string"),
        ({"think": "utmost"}, "think: expected a boolean or one of low, medium, high, max, got 'utmost'"),
        ({"think": 1}, "think: expected a boolean or one of low, medium, high, max, got an integer"),
        ({"format": "xml"}, "format: expected 'json' or a JSON schema"),
        ({"format": [1]}, "format: expected 'json' or a JSON schema, got a list"),
        ({"options": []}, "options: expected an object, got a list"),
        ({"options": {"temperature": "hot"}}, "options.temperature: expected a finite number, got a string"),
        ({"options": {"top_k": 1.5}}, "options.top_k: expected an integer, got a number"),
        ({"options": {"stop": "x"}}, "options.stop: expected a list, got a string"),
        ({"options": {"stop": [1]}}, "options.stop[0]: expected a string, got an integer"),
        ({"tools": {}}, "tools: expected a list, got an object"),
        ({"tools": [{"type": "function"}]}, "tools[0].function: expected an object, got nothing"),
        ({"tools": [{"function": {}}]}, "tools[0].function.name: expected a string, got nothing"),
        ({"top_logprobs": 21, "logprobs": True}, "top_logprobs: expected 0 to 20, got 21"),
        ({"truncate": 1}, "truncate: expected a boolean, got an integer"),
        ({"messages": "hi"}, "messages: expected a list, got a string"),
    ],
)
def test_a_wrong_setting_is_named(field: dict[str, Any], reason: str) -> None:
    assert reason in refused(said({"role": "user", "content": "x"}, **field))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is not valid JSON"),
        (b"[]", "the body: expected an object, got a list"),
        (b'{"model":"m","model":"n"}', "two equal keys"),
        (b'{"model":"m","messages":[{"role":"user","content":"x"}],"a":NaN}', "the body is not valid JSON"),
    ],
)
def test_a_body_of_another_form_is_refused(body: bytes, reason: str) -> None:
    assert reason in refused(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"prompt": 5}, "prompt: expected a string, got an integer"),
        ({"prompt": "x", "images": ["%"]}, "images[0]: expected base64"),
        ({"prompt": "x", "system": 1}, "system: expected a string, got an integer"),
    ],
)
def test_a_wrong_text_to_be_continued_is_named(body: dict[str, Any], reason: str) -> None:
    assert reason in refused(json.dumps(body).encode(), "/api/generate")


def test_a_result_belongs_to_the_first_call_of_its_tool_that_has_none() -> None:
    other = {"function": {"name": "g", "arguments": {}}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [CALL, other, CALL | {"id": "mine"}, CALL]},
        {"role": "tool", "content": "1", "tool_name": "g"},
        {"role": "tool", "content": "2", "tool_call_id": "mine"},
        {"role": "tool", "content": "3"},
        {"role": "tool", "content": "4", "tool_name": "f"},
    ]
    request = SERVER.decode_request(ServerRequest(method="POST", path="/api/chat", body=said(*messages)))
    results = [part for message in request.messages for part in message.parts if isinstance(part, ToolResult)]
    assert [result.id for result in results] == ["call_1_1", "mine", "call_1_0", "call_1_3"]
    assert "messages[5].tool_name: expected the result of a call of 'h'" in refused(
        said(*messages[:-1], messages[-1] | {"tool_name": "h"})
    )


@pytest.mark.parametrize("names", [{}, {"tool_name": "f"}, {"tool_name": "f", "tool_call_id": "mine"}])
def test_a_result_without_a_call_is_words_of_the_user(names: dict[str, str]) -> None:
    sent = {"role": "tool", "content": "sunny", **names}
    request = SERVER.decode_request(ServerRequest(method="POST", path="/api/chat", body=said(sent)))
    (message,) = request.messages
    assert message.role == "user"
    assert [part.text for part in message.parts if isinstance(part, Text)] == ["sunny"]
    assert encode_messages(request.messages) == [sent]


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 9)
    | st.floats(-1, 2)
    | st.sampled_from(["", "x", "AAAA", "user", "tool"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "function", "name"]), inner),
    max_leaves=4,
)
MESSAGE_FIELDS = ("role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id")
FIELDS = (
    *("model", "messages", "tools", "format", "options", "stream", "keep_alive", "think", "truncate", "logprobs"),
    *("top_logprobs", "prompt", "system", "images", "suffix", "template", "context", "raw", "width"),
)
MESSAGE = st.dictionaries(st.sampled_from(MESSAGE_FIELDS), ANY).map(lambda said: {"role": "user"} | said)


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(
    body=st.dictionaries(st.sampled_from(FIELDS), ANY),
    messages=st.none() | st.lists(MESSAGE, max_size=2),
    path=st.sampled_from(["/api/chat", "/api/generate"]),
)
def test_any_request_is_read_or_refused_and_what_was_read_can_be_sent(
    body: dict[str, Any], messages: list[dict[str, Any]] | None, path: str
) -> None:
    client = OllamaClient("http://h")
    said = body if messages is None else body | {"messages": messages}
    with suppress(InvalidRequestError):
        request = SERVER.decode_request(ServerRequest(method="POST", path=path, body=json.dumps(said).encode()))
        client.losses(request, ModelProfile())
        client.encode_request(client.fit(request, ModelProfile()), fixed_env())
        SERVER.encode_loaded(request, fixed_env())
