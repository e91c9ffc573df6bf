"""Canonical values as JSON, and back."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given

from dragoman.types import (
    AnyPart,
    ChatRequest,
    ChatResponse,
    HttpRequest,
    HttpResponse,
    Message,
    ReasoningConfig,
    ResponseFormat,
    ResponseHead,
    ServerRequest,
    ServerResponse,
    StreamEvent,
    Tool,
    ToolChoice,
    Usage,
    assistant,
    system,
    user,
)
from tests.types.values import EVENTS, EXTRA, PARTS, responses

REQUEST = ChatRequest(
    model="m",
    messages=(system("s"), user("u"), assistant("a"), Message("tool", PARTS, name="n", extra=EXTRA)),
    tools=(Tool("f", "says", {"type": "object"}, strict=True, extra=EXTRA), Tool("g")),
    tool_choice=ToolChoice("tool", "f"),
    parallel_tool_calls=False,
    response_format=ResponseFormat("json_schema", "n", {"type": "object"}, "d", strict=False),
    max_output_tokens=1,
    temperature=0.5,
    top_p=1.0,
    top_k=4,
    frequency_penalty=-1.5,
    presence_penalty=0.0,
    stop=("x", "y"),
    seed=2**40,
    reasoning=ReasoningConfig(effort="low"),
    user="me",
    stream=False,
    include_usage=False,
    extra=EXTRA,
)

VALUES: list[tuple[Any, Any]] = [
    *((part, AnyPart) for part in PARTS),
    *((event, StreamEvent) for event in EVENTS),
    (Message("tool", PARTS, name="n", extra=EXTRA), Message),
    (REQUEST, ChatRequest),
    (ChatRequest(model="", messages=()), ChatRequest),
    (ChatResponse(parts=PARTS, usage=Usage(0)), ChatResponse),
    (ChatResponse(), ChatResponse),
    (Usage(None, 0, 1), Usage),
    (HttpRequest(url="http://x/", headers=(("a", "b"),), body=b"\xff", mark_chunks=True), HttpRequest),
    (HttpResponse(ResponseHead(200, ((b"a", b"\xff"),)), b"\x00"), HttpResponse),
    (ServerResponse(status=404, headers=(("a", "b"),), body=b"x"), ServerResponse),
    (ServerRequest(method="POST", path="/", query="a=b", headers=((b"a", b"b"),), body=b"x"), ServerRequest),
]


@pytest.mark.parametrize(("value", "kind"), VALUES, ids=lambda value: type(value).__name__)
def test_each_value_comes_back_equal(value: Any, kind: Any) -> None:
    back = msgspec.json.decode(msgspec.json.encode(value), type=kind)
    assert back == value
    assert type(back) is type(value)


@given(responses)
def test_any_answer_comes_back_equal(response: ChatResponse) -> None:
    assert msgspec.json.decode(msgspec.json.encode(response), type=ChatResponse) == response


def test_every_kind_of_part_and_event_is_tried_here() -> None:
    assert {type(part) for part in PARTS} == set(get_args(AnyPart))
    assert {type(event) for event in EVENTS} == set(get_args(StreamEvent))


@pytest.mark.parametrize(
    "value", [*PARTS, *EVENTS, REQUEST, ChatResponse(), Usage()], ids=lambda value: type(value).__name__
)
def test_values_do_not_change(value: Any) -> None:
    name = value.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(value, name, None)


def test_a_part_of_no_known_kind_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"kind":"hologram"}', type=AnyPart)
