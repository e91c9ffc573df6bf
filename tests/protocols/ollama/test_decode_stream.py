"""Answers as services really give them: what comes out, and why one fails."""

import json
from typing import Any

import pytest

from dragoman.errors import BadEventError, InvalidRequestError
from dragoman.protocols.ollama import OllamaClient, OllamaServer
from dragoman.protocols.ollama.decode_stream import ReplyDecoder
from dragoman.protocols.ollama.line_form import form_of
from dragoman.protocols.ollama.tap import OllamaTap
from dragoman.protocols.streams.ndjson_tap import MAX_LINE
from dragoman.types import (
    AnyPart,
    ChatRequest,
    ChatResponse,
    Fold,
    Image,
    Message,
    PartEnd,
    PartStart,
    Reasoning,
    ResponseEnd,
    ResponseStart,
    ServerRequest,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    user,
)
from tests.support.env import fixed_env

CLIENT, SERVER = OllamaClient("http://up"), OllamaServer()
REQUEST = ChatRequest(model="m", messages=(user("x"),), tools=(Tool("shell", input_format="text"),))


def line(message: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"model": "m", "created_at": "2026-11-21T10:27:15Z", "message": message, **more}).encode() + b"\n"


END = line({"role": "assistant", "content": ""}, done=True, done_reason="stop")


def answer(*lines: bytes) -> ChatResponse:
    decoder, folding = CLIENT.decoder(REQUEST), Fold()
    folding.feed([*decoder.feed(b"".join(lines)), *decoder.finish()])
    assert decoder.error is None
    return folding.result()


def called(function: dict[str, Any], **more: Any) -> bytes:
    return line({"role": "assistant", "content": "", "tool_calls": [{"function": function, **more}]}, done=False)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"a": 1.0}, '{"a": 1.0}'),
        ('{"a": 1.0}', '{"a": 1.0}'),
        (None, ""),
    ],
)
def test_arguments_are_the_text_that_came(given: Any, text: str) -> None:
    for more in ({}, {"index": "odd"}):
        (call,) = answer(called({"name": "f", "arguments": given} | more), END).tool_calls
        assert call.arguments == text


def test_a_freeform_call_may_say_nothing() -> None:
    (call,) = answer(called({"name": "shell", "arguments": {"input": ""}}), END).tool_calls
    assert (call.arguments, call.input_format) == ("", "text")


def test_what_cannot_be_read_beside_a_text_is_left_out() -> None:
    odd = line({"role": "assistant", "content": "a"}, logprobs=[{"token": 5}], done=False)
    (part,) = answer(odd, END).parts
    assert part == Text(text="a")


def test_calls_of_an_odd_form_are_read_as_far_as_they_can_be() -> None:
    (call,) = answer(called({"name": "f", "arguments": {"a": 1}}, id=5), END).tool_calls
    assert json.loads(call.arguments) == {"a": 1}


def test_nothing_is_read_after_the_end() -> None:
    decoder = ReplyDecoder()
    decoder.feed(END)
    assert decoder.done
    assert decoder.feed(line({"role": "assistant", "content": "late"}, done=False)) == []


TIME = b'"created_at":"2026-11-21T10:27:15Z"'


@pytest.mark.parametrize(
    ("event", "like", "other"),
    [
        (
            b'{"created_at":"1","message":{"content":"a"}}\n',
            b'{"created_at":"2","message":{"content":"b"}}\n',
            b'{"created_at":"2","message":{"content":"b"},"done":true}\n',
        ),
        (
            b'{"message":{"content":"a"}}\n',
            b'{"message":{"content":"b"}}\n',
            b'{"created_at":"2","message":{"content":"b"}}\n',
        ),
    ],
)
def test_a_form_holds_lines_that_differ_in_text_and_time(event: bytes, like: bytes, other: bytes) -> None:
    known = form_of(event)
    assert known is not None
    assert known.holds(like)
    assert not known.holds(other)


@pytest.mark.parametrize(
    "event",
    [
        b'{"message":{"content":"a","thinking":"b"}}\n',
        b'{"message":{"content":""}}\n',
        b'{"message":{"content":"a"}}',
        b'{"message":{"content":"a"},"created_at":"1"}\n',
    ],
)
def test_other_lines_have_no_form(event: bytes) -> None:
    assert form_of(event) is None


def test_a_line_that_is_too_long_is_an_error_and_a_whole_body_is_decoded() -> None:
    tap = OllamaTap()
    assert tap.feed(b'{"model":"' + b"x" * MAX_LINE) == b""
    assert isinstance(tap.error, BadEventError)
    assert "expected lines of at most" in str(tap.error)
    assert tap.finish() == b""


MESSAGES: list[tuple[tuple[Message, ...], str]] = [
    ((Message("tool", (Text(text="x"),)),), "messages[0]: expected only results in a tool's turn"),
    (
        (Message("user", (ToolCall(id="c", name="f", arguments="{}"),)),),
        "messages[0]: expected tool calls only in an assistant's turn",
    ),
    (
        (Message("assistant", (ToolCall(id="c", name="f", arguments="[1]"),)),),
        "messages[0].parts[0].arguments: expected a JSON object",
    ),
]


@pytest.mark.parametrize(("messages", "words"), MESSAGES)
def test_what_cannot_be_said_of_calls_is_refused(messages: tuple[Message, ...], words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        CLIENT.encode_request(ChatRequest(model="m", messages=messages), fixed_env())
    assert str(caught.value).startswith(words)


def test_a_text_to_be_continued_has_one_turn() -> None:
    body = json.dumps({"model": "m", "prompt": "x", "suffix": "y"}).encode()
    request = SERVER.decode_request(ServerRequest(method="POST", path="/api/generate", body=body))
    two = ChatRequest(model="m", messages=(*request.messages, user("more")), extra=request.extra)
    with pytest.raises(InvalidRequestError, match="suffix: expected it with one user message") as caught:
        CLIENT.encode_request(two, fixed_env())
    assert caught.value.param == "suffix"


def test_a_whole_number_may_be_written_as_a_double() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "options": {"num_predict": 40.0, "seed": 1.0}}
    request = SERVER.decode_request(ServerRequest(method="POST", path="/api/chat", body=json.dumps(body).encode()))
    assert (request.max_output_tokens, request.seed) == (40, 1)


def test_too_many_messages_are_refused() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": ""}] * 10_001}).encode()
    with pytest.raises(InvalidRequestError, match="messages: expected at most 10000, got 10001"):
        SERVER.decode_request(ServerRequest(method="POST", path="/api/chat", body=body))


def test_calls_of_an_odd_request_are_refused_by_their_field() -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1.0}}}
    turns = [{"role": "user", "content": 5}, {"role": "assistant", "tool_calls": [call]}]
    body = json.dumps({"model": "m", "messages": turns}).encode()
    with pytest.raises(InvalidRequestError, match=r"messages\[0\].content: expected a string"):
        SERVER.decode_request(ServerRequest(method="POST", path="/api/chat", body=body))


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_parts_that_a_line_has_no_place_for_write_none(path: str) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "prompt": "x"}
    request = SERVER.decode_request(ServerRequest(method="POST", path=path, body=json.dumps(body).encode()))
    parts: tuple[AnyPart, ...] = (
        Image(data="AAAA"),
        ToolResult(id="c", parts=()),
        Reasoning(text="hm"),
        Text(text="a"),
    )
    call = ToolCall(id="c", name="f", arguments="{}")
    encoder = SERVER.encoder(request, fixed_env())
    starts = [event for part in (*parts, call) for event in (PartStart(part), PartEnd())]
    lines = encoder.send([ResponseStart(), *starts, ResponseEnd("stop")]).splitlines()
    said = [json.loads(each) for each in lines]
    assert len(said) == (4 if path == "/api/chat" else 3)
    assert [each.get("response", each.get("message", {}).get("content")) for each in said[:2]] == ["", "a"]


def test_the_only_call_may_stand_without_its_list() -> None:
    function = {"name": "f", "arguments": {"a": 1}}
    found = answer(line({"role": "assistant", "content": "", "tool_calls": {"function": function}}, done=False), END)
    assert [(each.name, each.arguments) for each in found.tool_calls] == [("f", '{"a":1}')]


ODD: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"content": ["a"]}, {}, "message.content"),
    ({"content": "a", "tool_calls": "none"}, {}, "message.tool_calls"),
    ({"content": "a", "thinking": {"b": 1}}, {}, "message.thinking"),
    ({"content": "a"}, {"response": 5}, "response"),
    ({"content": "a"}, {"logprobs": [{"token": "a", "logprob": None}]}, "logprobs"),
]


@pytest.mark.parametrize(("message", "more", "name"), ODD)
def test_a_field_of_another_type_is_kept_as_it_came(message: dict[str, Any], more: dict[str, Any], name: str) -> None:
    found = answer(line(message, done=False, **more), END)
    assert found.extra["ollama"] == {name: ({f"message.{key}": each for key, each in message.items()} | more)[name]}


def test_log_probabilities_after_the_text_are_its_own() -> None:
    entry = {"token": "Hi", "logprob": -0.5}
    body = line({"content": "Hi"}) + line({"content": ""}, logprobs=[entry]) + line({}, done=True, done_reason="stop")
    decoder, folding = ReplyDecoder(), Fold()
    folding.feed([*decoder.feed(body), *decoder.finish()])
    (text,) = folding.result().parts
    assert isinstance(text, Text)
    assert [each.token for each in text.logprobs] == ["Hi"]
