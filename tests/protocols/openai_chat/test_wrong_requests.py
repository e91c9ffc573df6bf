"""Requests that are wrong: the refusal names the field, what was expected and what came."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import InvalidRequestError, RequestError
from dragoman.protocols.openai_chat import (
    OpenAIChatServer,
    decode_body,
)
from dragoman.types import (
    ServerRequest,
)

SERVER = OpenAIChatServer()
HELLO = [{"role": "user", "content": "Hello"}]


def call(body: Any) -> ServerRequest:
    return ServerRequest(method="POST", path="/v1/chat/completions", body=msgspec.json.encode(body))


def parts_of(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def assistant_with(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", "content": "a", **more}]}


WRONG: list[tuple[Any, str]] = [
    ([], "the body: expected an object, got a list"),
    ({"model": 5}, "model: expected a string, got an integer"),
    ({"messages": None}, "messages: expected a list of messages, got nothing"),
    ({"messages": "Hello"}, "messages: expected a list of messages, got a string"),
    ({"messages": []}, "messages: expected at least one message"),
    ({"messages": [1]}, "messages[0]: expected an object, got an integer"),
    ({"messages": [{}]}, "messages[0].role: expected a string, got nothing"),
    ({"messages": [{"role": "bot"}]}, "messages[0].role: expected one of system, developer, user"),
    ({"messages": [{"role": "user"}]}, "messages[0].content: expected a string or a list of parts, got nothing"),
    (
        {"messages": [{"role": "user", "content": 5}]},
        "messages[0].content: expected a string or a list of parts, got an integer",
    ),
    (
        {"messages": [{"role": "user", "content": "x", "name": 1.5}]},
        "messages[0].name: expected a string, got a number",
    ),
    (parts_of("x"), "messages[0].content[0]: expected an object, got a string"),
    (parts_of({}), "messages[0].content[0].type: expected a string, got nothing"),
    (parts_of({"type": "text"}), "messages[0].content[0].text: expected a string, got nothing"),
    ({"messages": [*HELLO] * 10_001}, "messages: expected at most 10000, got 10001"),
    (
        parts_of({"type": "image_url", "image_url": ["u"]}),
        "messages[0].content[0].image_url: expected an object, got a list",
    ),
    (
        parts_of({"type": "input_audio", "input_audio": {}}),
        "messages[0].content[0].input_audio.data: expected a string",
    ),
    (parts_of({"type": "file"}), "messages[0].content[0].file: expected an object, got nothing"),
    (
        parts_of({"type": "file", "file": {"filename": "a.pdf"}}),
        "messages[0].content[0].file.file_data: expected it, or `file_id`",
    ),
    (
        parts_of({"type": "file", "file": {"file_data": ""}}),
        "messages[0].content[0].file.file_data: expected base64, got an empty string",
    ),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id: expected a string, got nothing"),
    (
        {"messages": [{"role": "tool", "tool_call_id": "1", "content": [{"type": "refusal", "refusal": "no"}]}]},
        "messages[0].content[0].type: expected no refusal in what a tool gave",
    ),
    (assistant_with(tool_calls={}), "messages[0].tool_calls: expected a list, got an object"),
    (assistant_with(tool_calls=[{}]), "messages[0].tool_calls[0].id: expected a string, got nothing"),
    (
        assistant_with(tool_calls=[{"id": "1", "type": "odd"}]),
        "messages[0].tool_calls[0].type: expected 'function' or 'custom'",
    ),
    (
        assistant_with(tool_calls=[{"id": "1", "function": {}}]),
        "messages[0].tool_calls[0].function.name: expected a string",
    ),
    ({"tools": [{"type": "function"}]}, "tools[0].function: expected an object, got nothing"),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
        "tools[0].function.parameters: expected an",
    ),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "strict": 1}}]},
        "tools[0].function.strict: expected a boolean",
    ),
    ({"tool_choice": "always"}, "tool_choice: expected one of auto, none, required, any, or an object"),
    ({"tool_choice": True}, "tool_choice: expected a string or an object, got a boolean"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.function: expected an object, got nothing"),
    ({"response_format": {}}, "response_format.type: expected a string, got nothing"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema: expected an object, got nothing"),
    ({"temperature": "hot"}, "temperature: expected a finite number, got a string"),
    ({"temperature": True}, "temperature: expected a finite number, got a boolean"),
    ({"max_tokens": 1.5}, "max_tokens: expected an integer, got a number"),
    ({"max_tokens": 0}, "max_tokens: expected at least 1, got 0"),
    ({"max_completion_tokens": -1}, "max_completion_tokens: expected at least 1, got -1"),
    ({"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens: expected only one of"),
    ({"seed": True}, "seed: expected an integer, got a boolean"),
    ({"stop": 5}, "stop: expected a list, got an integer"),
    ({"stop": ["a", None]}, "stop[1]: expected a string, got nothing"),
    ({"stream": "yes"}, "stream: expected a boolean, got a string"),
    ({"stream_options": []}, "stream_options: expected an object, got a list"),
    ({"n": "2"}, "n: expected an integer, got a string"),
    ({"top_logprobs": 2}, "top_logprobs: expected it with `logprobs` only"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs: expected 0 to 20, got 21"),
    ({"modalities": [1]}, "modalities[0]: expected a string, got an integer"),
    ({"functions": [], "tools": []}, "functions: expected it without `tools`"),
]


@pytest.mark.parametrize(("change", "words"), WRONG, ids=[words for _, words in WRONG])
def test_what_is_wrong_is_named(change: Any, words: str) -> None:
    body = change if isinstance(change, list) else {"model": "m", "messages": HELLO, **change}
    with pytest.raises(RequestError) as caught:
        SERVER.decode_request(call(body))
    assert words in caught.value.message
    assert caught.value.status == 400


def test_numbers_that_json_cannot_say_are_refused_from_python_too() -> None:
    with pytest.raises(InvalidRequestError, match="temperature: expected a finite number"):
        decode_body({"model": "m", "messages": HELLO, "temperature": float("inf")})
    with pytest.raises(InvalidRequestError, match="temperature: expected a finite number"):
        decode_body({"model": "m", "messages": HELLO, "temperature": 10**400})
    with pytest.raises(InvalidRequestError, match="seed: expected an integer, got something that JSON cannot say"):
        decode_body({"model": "m", "messages": HELLO, "seed": object()})


@pytest.mark.parametrize("body", [b"", b"{", b'{"model": "\xff"}', b"[" * 100_000, b'{"model":"\\ud800"}'])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        SERVER.decode_request(ServerRequest(method="POST", path="/", body=body))
    assert caught.value.code == "invalid_json"


@settings(derandomize=True, database=None, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.sampled_from(["user", "text", "function"]),
        lambda v: (
            st.lists(v, max_size=3)
            | st.dictionaries(
                st.sampled_from(["model", "messages", "role", "content", "type", "text", "tools", "stop", "n"]), v
            )
        ),
        max_leaves=20,
    )
)
def test_any_json_is_a_request_or_a_request_error(body: Any) -> None:
    with suppress(RequestError):
        assert SERVER.decode_request(call(body)).messages
