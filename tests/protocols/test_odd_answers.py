"""Whole answers in which one field has an odd form: neither a call's arguments nor a text is lost for it."""

import json
from typing import Any

import pytest

from dragoman.protocols.registry import DIALECTS
from dragoman.types import ChatResponse, fold
from tests.fuzz.targets.decoders import client_of
from tests.support.cuts import drive
from tests.support.env import fixed_env
from tests.support.readings import REQUEST

NO_NAME = "expected the name of a tool call, got none"


def anthropic(content: Any) -> bytes:
    said = {"id": "msg_1", "type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn"}
    return json.dumps(said).encode()


def sse(delta: dict[str, Any]) -> bytes:
    """A stream of Anthropic with this `message_delta`."""
    events = (
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "error": 1.5}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "hi"}},
        {"type": "content_block_stop", "index": 0},
        delta,
        {"type": "message_stop"},
    )
    return b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events)


def gemini(parts: Any) -> bytes:
    return json.dumps({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}).encode()


def ollama(*messages: Any) -> bytes:
    last = {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    said = [{"model": "m", "message": {"role": "assistant"} | each, "done": False} for each in messages]
    return b"".join(json.dumps(line).encode() + b"\n" for line in (*said, last))


def read(protocol: str, body: bytes) -> ChatResponse:
    events, error = drive(client_of(protocol).decoder(REQUEST), [body])
    assert error is None
    return fold(events)


@pytest.mark.parametrize(
    ("given", "text"),
    [({"a": 1}, '{"a": 1}'), ('{"a":1}', '{"a":1}'), ([1.5], "[1.5]"), (7, "7"), ("", "{}"), (None, "{}")],
)
def test_the_input_of_a_call_of_anthropic_is_its_text_whatever_its_form(given: Any, text: str) -> None:
    answer = read("anthropic", anthropic([{"type": "tool_use", "id": 7, "name": "f", "input": given}]))
    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == [("7", "f", text)]


@pytest.mark.parametrize("content", ["hi", ["hi"], [{"text": "hi"}]])
def test_the_content_of_anthropic_may_be_a_text(content: Any) -> None:
    assert read("anthropic", anthropic(content)).text == "hi"


@pytest.mark.parametrize("parts", ["hi", ["hi"], ["h", {"text": "i"}], {"text": "hi"}])
def test_the_parts_of_gemini_may_be_texts(parts: Any) -> None:
    assert read("gemini", gemini(parts)).text == "hi"


@pytest.mark.parametrize("call", [{}, {"name": ""}, {"name": None, "args": {}}, {"name": 7}, {"name": ["f"]}])
def test_a_call_of_gemini_without_a_name_is_an_error(call: Any) -> None:
    _, error = drive(client_of("gemini").decoder(REQUEST), [gemini([{"text": "hi"}, {"functionCall": call}])])
    assert error is not None
    assert error[1] == NO_NAME


def test_two_calls_of_ollama_under_one_id_are_two() -> None:
    call = {"id": "call_1", "function": {"name": "f", "arguments": {}}}
    answer = read("ollama", ollama({"content": "", "tool_calls": [call, call]}, {"content": "", "tool_calls": [call]}))
    assert [each.id for each in answer.tool_calls] == ["call_1", "call_1_1", "call_1_2"]


@pytest.mark.parametrize(
    ("protocol", "body"),
    [
        ("ollama", ollama({"content": "hi"}, {"content": [{}]})),
        ("ollama", ollama({"content": "hi", "thinking": "hm"}, {"content": "", "thinking": ["x"], "tool_calls": -1})),
        ("anthropic", sse({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "content": [], "role": "x"})),
        ("anthropic", sse({"type": "message_delta", "delta": {"stop_reason": "end_turn", "error": 1.5}})),
    ],
)
def test_a_field_beside_what_was_said_does_not_take_its_place(protocol: str, body: bytes) -> None:
    answer = read(protocol, body)
    written = DIALECTS[protocol].server().encode_response(answer, REQUEST, fixed_env()).body
    again = read(protocol, written)
    assert (again.text, again.parts, again.finish_reason) == ("hi", answer.parts, "stop")
