"""The conversation of a WebSocket, over services that tell their answers in different ways."""

import json
from typing import Any

import pytest

from dragoman.protocols.openai_responses.socket_turns import SocketTurns
from dragoman.wire.sse import SseEvent

USER = {"role": "user", "content": "x"}
SAID = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}


def create(**more: Any) -> str:
    return json.dumps({"type": "response.create", "model": "m", "input": [USER]} | more)


def event(kind: str, *, named: bool, **fields: Any) -> SseEvent:
    return SseEvent(json.dumps({"type": kind} | fields).encode(), kind.encode() if named else b"")


def end(kind: str = "response.completed", *, named: bool = True, **more: Any) -> SseEvent:
    return event(kind, named=named, response={"id": "resp_1"} | more)


def next_input(*events: SseEvent) -> list[Any] | None:
    """The items of a second request that goes on from an answer of these `events`; None if it still names that."""
    turns = SocketTurns(1 << 20)
    turns.read(create())
    for each in events:
        turns.note(each)
    body = json.loads(turns.read(create(previous_response_id="resp_1")).body)
    found: list[Any] = body["input"]
    return None if "previous_response_id" in body else found


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("kind", ["response.completed", "response.incomplete", "response.done"])
def test_an_answer_goes_on_whether_its_events_are_named_or_say_their_type_inside(named: bool, kind: str) -> None:
    done = event("response.output_item.done", named=named, item=SAID)
    assert next_input(done, end(kind, named=named)) == [USER, SAID, USER]


def test_items_that_only_the_end_names_are_part_of_the_conversation() -> None:
    done = event("response.output_item.done", named=True, item=SAID)
    assert next_input(end(output=[SAID, CALL])) == [USER, SAID, CALL, USER]
    assert next_input(done, end(output=[SAID, CALL])) == [USER, SAID, CALL, USER]


@pytest.mark.parametrize("output", [None, [], {}, "x", [7]])
def test_an_end_that_repeats_no_items_takes_none_away(output: Any) -> None:
    done = event("response.output_item.done", named=True, item=SAID)
    assert next_input(done, end(output=output)) == [USER, SAID, USER]


@pytest.mark.parametrize("kind", ["response.failed", "response.cancelled"])
def test_nothing_goes_on_from_an_answer_that_broke_off(kind: str) -> None:
    assert next_input(event("response.output_item.done", named=True, item=SAID), end(kind)) is None
