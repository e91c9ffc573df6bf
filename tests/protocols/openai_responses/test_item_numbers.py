"""Which item an event is about: some services number all items 0, and some give an item another id in each event."""

from itertools import product
from typing import Any

import pytest

from dragoman.protocols.openai_responses import OpenAIResponsesClient
from dragoman.types import Reasoning, Text, ToolCall, fold
from dragoman.wire import json
from dragoman.wire.sse import encode
from tests.support.cuts import drive
from tests.support.readings import REQUEST, tapped

Event = dict[str, Any]


def reasoning(item: str | None) -> Event:
    return {"id": item, "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "I see"}]}


def message(item: str | None, text: str = "Hello") -> Event:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"id": item, "type": "message", "role": "assistant", "content": [part]}


def call(item: str | None, call_id: str = "call_1") -> Event:
    return {"id": item, "type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}"}


PIECES: dict[str, tuple[str, list[str], Event]] = {
    "reasoning": ("response.reasoning_text.delta", ["I ", "see"], {"content": [], "summary": []}),
    "message": ("response.output_text.delta", ["Hel", "lo"], {"content": []}),
    "function_call": ("response.function_call_arguments.delta", ["{", "}"], {"arguments": ""}),
}


def told(item: Event, place: int, *, begun: bool = True, done: bool = True, named: str | None = None) -> list[Event]:
    """The events of an item. `named`: the id that it has in all but the first."""
    kind, pieces, bare = PIECES[item["type"]]
    at: Event = {"output_index": place}
    later = item["id"] if named is None else named
    about = at | ({"item_id": later} if later is not None else {}) | {"content_index": 0}
    return [
        *([{"type": "response.output_item.added", "item": item | bare} | at] if begun else []),
        *({"type": kind, "delta": piece} | about for piece in pieces),
        *([{"type": "response.output_item.done", "item": item | {"id": later}} | at] if done else []),
    ]


def stream(events: list[Event], output: list[Event]) -> bytes:
    end = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": output}}
    return b"".join(encode(json.encode(event), event["type"].encode()) for event in [*events, end])


def parts(body: bytes) -> list[tuple[type, str]]:
    events, error = drive(OpenAIResponsesClient("http://up/v1").decoder(REQUEST), [body])
    assert error is None
    found = []
    for part in fold(events).parts:
        assert isinstance(part, Reasoning | Text | ToolCall)
        found.append((type(part), part.arguments if isinstance(part, ToolCall) else part.text))
    assert tapped("openai-responses", [body])[3] == fold(events).finish_reason
    return found


ALL = [(Reasoning, "I see"), (Text, "Hello"), (ToolCall, "{}")]
WAYS = [
    (ids, begun, done)
    for ids, begun, done in product([("rs", "msg", "fc"), (None, None, None)], [True, False], [True, False])
    if begun or done or ids[0]
]
"""With ids or without; whether it is said that items begin, and that they end. Without all of it nobody could tell."""


@pytest.mark.parametrize(("ids", "begun", "done"), WAYS)
def test_all_items_have_the_place_0(ids: tuple[str | None, ...], begun: bool, done: bool) -> None:
    items = [reasoning(ids[0]), message(ids[1]), call(ids[2])]
    events = [event for item in items for event in told(item, 0, begun=begun, done=done)]
    assert parts(stream(events, items)) == ALL


def test_two_calls_at_once_have_the_place_0() -> None:
    one, other = call("fc_1", "call_1"), call("fc_2", "call_2")
    first, second = told(one, 0), told(other, 0)
    mixed = [event for pair in zip(first, second, strict=True) for event in pair]
    assert parts(stream(mixed, [one, other])) == [(ToolCall, "{}"), (ToolCall, "{}")]


def test_items_of_one_kind_without_ids_have_the_place_0() -> None:
    events = [*told(call(None, "call_1"), 0), *told(call(None, "call_2"), 0)]
    assert parts(stream(events, [call(None, "call_1"), call(None, "call_2")])) == [(ToolCall, "{}"), (ToolCall, "{}")]


def test_each_event_gives_its_item_another_id() -> None:
    events = [*told(message("a"), 0, named="b"), *told(call("c"), 1, named="d")]
    assert parts(stream(events, [message("e"), call("f")])) == ALL[1:]


def test_an_item_that_is_done_says_nothing_until_the_answer_does() -> None:
    done = {"type": "response.output_item.done", "output_index": 0, "item": {}}
    assert parts(stream([done], [message("msg")])) == ALL[1:2]


def test_an_answer_with_other_items_than_its_stream_has_all_of_them() -> None:
    assert parts(stream(told(message("msg"), 0), [call("fc")])) == ALL[1:]


def test_each_item_of_the_answer_is_another_one() -> None:
    one, other, third = call("fc_0", "call_0"), call("fc_1", "call_1"), call("fc_2", "call_2")
    assert len(parts(stream(told(other, 0), [one, other]))) == 2
    assert len(parts(stream(told(message("msg"), 0), [one, other, message("msg")]))) == 3
    assert len(parts(stream(told(message("msg"), 0), [one, other]))) == 3
    assert len(parts(stream([*told(one, 0), *told(other, 0)], [one, other, third]))) == 3


@pytest.mark.parametrize("named", ["x", None])
def test_an_answer_may_leave_items_out_and_have_them_in_another_order(named: str | None) -> None:
    streamed = [*told(reasoning("a"), 0, named=named), *told(message("b"), 1, named=named)]
    assert parts(stream(streamed, [message("c")])) == ALL[:2]
    streamed = [*told(message("a"), 0, named=named), *told(call("b"), 1, named=named)]
    assert parts(stream(streamed, [call("c"), message("d")])) == ALL[1:]
    streamed = [*told(reasoning(None), 0), *told(message(None), 0)]
    assert parts(stream(streamed, [message(None)])) == ALL[:2]


@pytest.mark.parametrize("item", ["", "x"])
def test_an_id_that_all_items_have_tells_nothing(item: str) -> None:
    items = [reasoning(item), message(item), call(item)]
    assert parts(stream([event for each in items for event in told(each, 0)], items)) == ALL
    pieces = told(message(item), 0, begun=False, done=False)
    assert parts(stream(pieces, [message(item), call(item)])) == ALL[1:]


def test_an_item_that_is_not_said_to_begin_and_one_that_is_have_the_place_0() -> None:
    items = [message("msg"), call("fc")]
    events = [*told(items[0], 0, begun=False), *told(items[1], 0)]
    assert parts(stream(events, items)) == ALL[1:]


def test_an_item_may_have_another_place_when_it_is_done() -> None:
    item = message("msg")
    done = {"type": "response.output_item.done", "output_index": 5, "item": item}
    assert parts(stream([*told(item, 0, done=False), done], [item])) == ALL[1:2]


def test_text_that_follows_reasoning_in_one_item_is_none() -> None:
    item = message("msg")
    thought = {"type": "response.reasoning_text.delta", "item_id": "msg", "output_index": 0, "content_index": 0}
    body = stream([thought | {"delta": "I see"}, *told(item, 0, begun=False)], [item])
    assert parts(body) == ALL[:2]
