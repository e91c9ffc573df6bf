"""The conversation of a WebSocket, over services that tell their answers in different ways."""

import json
from typing import Any

import pytest

from dragoman.errors import InvalidRequestError
from dragoman.protocols.openai_responses.socket_turns import MAX_LANES, MAX_NAME, SocketTurns, Turn, lane_of
from dragoman.wire.sse import SseEvent

USER = {"role": "user", "content": "x"}
SAID = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}


def create(**more: Any) -> str:
    return json.dumps({"type": "response.create", "model": "m", "input": [USER]} | more)


def begun(turns: SocketTurns, **more: Any) -> Turn:
    text = create(**more)
    return turns.read(text, lane_of(text))


def answered(turns: SocketTurns, answer_id: str, **more: Any) -> None:
    turns.ended(begun(turns, **more), answer_id)


def event(kind: str, *, named: bool, **fields: Any) -> SseEvent:
    return SseEvent(json.dumps({"type": kind} | fields).encode(), kind.encode() if named else b"")


def end(kind: str = "response.completed", *, named: bool = True, **more: Any) -> SseEvent:
    return event(kind, named=named, response={"id": "resp_1"} | more)


def next_input(*events: SseEvent) -> list[Any] | None:
    """The items of a second request that goes on from an answer of these `events`; None if it still names that."""
    turns = SocketTurns(1 << 20)
    turn = begun(turns)
    for each in events:
        turns.note(turn, each)
    body = json.loads(begun(turns, previous_response_id="resp_1").body)
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


@pytest.mark.parametrize(
    ("kinds", "sent"),
    [
        (["error"], []),
        (["error", "response.failed"], ["response.failed"]),
        (["response.completed", "error", "response.failed"], ["response.completed"]),
        (["response.created", "response.incomplete", "x.new"], ["response.created", "response.incomplete", "x.new"]),
    ],
)
def test_a_turn_has_one_end(kinds: list[str], sent: list[str]) -> None:
    turns = SocketTurns(1 << 20)
    turn = begun(turns)
    assert [kind for kind in kinds if turns.note(turn, end(kind))] == sent
    assert (turn.over, bool(turn.error)) == (bool(sent), "error" in kinds)


def asked(turns: SocketTurns, **more: Any) -> dict[str, Any]:
    """The body of the next request."""
    body: dict[str, Any] = json.loads(begun(turns, **more).body)
    return body


@pytest.mark.parametrize("generate", [True, False])
def test_what_came_before_the_connection_is_named_in_each_of_its_requests(generate: bool) -> None:
    turns = SocketTurns(1 << 20)
    turn = begun(turns, previous_response_id="resp_stored", generate=generate)
    first = json.loads(turn.body)
    assert (first["previous_response_id"], first["input"]) == ("resp_stored", [USER])
    turns.ended(turn, "resp_1")
    for number in (1, 2):
        turn = begun(turns, previous_response_id=f"resp_{number}")
        later = json.loads(turn.body)
        assert (later["previous_response_id"], len(later["input"])) == ("resp_stored", number + 1)
        turns.ended(turn, f"resp_{number + 1}")


def test_a_compacted_conversation_and_a_new_one_name_nothing_before_them() -> None:
    turns = SocketTurns(1 << 20)
    answered(turns, "resp_1", previous_response_id="resp_stored", input=[USER, {"type": "compaction_trigger"}])
    assert "previous_response_id" not in asked(turns, previous_response_id="resp_1")
    asked(turns, previous_response_id="resp_stored")
    answered(turns, "resp_2")
    assert "previous_response_id" not in asked(turns, previous_response_id="resp_2")


@pytest.mark.parametrize("said", ["no", 0, 1, [], {}])
def test_whether_to_generate_is_a_boolean(said: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        begun(SocketTurns(1 << 20), generate=said)
    assert caught.value.param == "generate"


@pytest.mark.parametrize(("said", "generate"), [(True, True), (False, False), (None, True)])
def test_a_warm_up_says_so(said: bool | None, generate: bool) -> None:
    turn = begun(SocketTurns(1 << 20), generate=said)
    assert turn.generate is generate
    assert "generate" not in json.loads(turn.body)


def test_a_lane_goes_on_from_its_own_answer_or_forks_from_another_s() -> None:
    turns = SocketTurns(1 << 20)
    for lane in ("one", "two"):
        answered(turns, f"resp_{lane}", stream_id=lane, input=[USER | {"content": lane}])
    first = asked(turns, stream_id="one", previous_response_id="resp_one")
    fork = asked(turns, stream_id="three", previous_response_id="resp_two")
    assert [body["input"][0]["content"] for body in (first, fork)] == ["one", "two"]
    assert all(len(body["input"]) == 2 and "previous_response_id" not in body for body in (first, fork))


def test_a_fork_may_have_waited_while_its_own_lane_went_on() -> None:
    turns = SocketTurns(1 << 20)
    answered(turns, "resp_one", stream_id="one")
    first = begun(turns, stream_id="one", previous_response_id="resp_one")
    turns.ended(first, "resp_two")
    fork = begun(turns, stream_id="two", previous_response_id="resp_one")
    turns.ended(fork, "resp_fork")
    after = begun(turns, stream_id="one", previous_response_id="resp_two")
    turns.ended(after, "resp_three")
    bodies = [json.loads(turn.body) for turn in (first, fork, after)]
    assert [len(body["input"]) for body in bodies] == [2, 2, 3]
    assert all("previous_response_id" not in body for body in bodies)
    assert "previous_response_id" in asked(turns, stream_id="four", previous_response_id="resp_one")


def test_what_is_read_in_a_thread_knows_what_was_known_when_it_began() -> None:
    turns = SocketTurns(1 << 20)
    answered(turns, "resp_0")
    reading = turns.reading(create(previous_response_id="resp_0"), "")
    for number in range(1, 4):
        answered(turns, f"resp_{number}")
    assert "previous_response_id" not in json.loads(reading().body)
    assert "previous_response_id" in asked(turns, previous_response_id="resp_0")


def test_what_a_fork_may_go_on_from_takes_no_more_memory_either() -> None:
    turns = SocketTurns(1000)
    for lane in ("one", "two"):
        for number, size in enumerate((400, 10)):
            answered(turns, f"resp_{lane}_{number}", stream_id=lane, input=[USER | {"content": "x" * size}])
    for lane in ("one", "two"):
        assert "previous_response_id" not in asked(turns, previous_response_id=f"resp_{lane}_0")
    answered(turns, "resp_three", stream_id="three", input=[USER | {"content": "x" * 400}])
    assert "previous_response_id" in asked(turns, previous_response_id="resp_one_0")
    assert "previous_response_id" not in asked(turns, previous_response_id="resp_one_1")


def test_lanes_take_no_more_memory_than_one_conversation_may() -> None:
    turns = SocketTurns(1000)
    for number in range(9):
        answered(turns, f"resp_{number}", stream_id=str(number), input=[USER | {"content": "x" * 300}])
    assert "previous_response_id" in asked(turns, previous_response_id="resp_0")
    assert "previous_response_id" not in asked(turns, previous_response_id="resp_8")


def test_the_latest_conversation_is_known_even_if_it_has_grown_too_large() -> None:
    """Its next turn is told so, instead of going on as one that nobody knows."""
    turns = SocketTurns(300)
    turn = begun(turns)
    said = SAID | {"content": [{"type": "output_text", "text": "x" * 400}]}
    turns.note(turn, event("response.output_item.done", named=True, item=said))
    turns.note(turn, end())
    with pytest.raises(InvalidRequestError) as caught:
        begun(turns, previous_response_id="resp_1")
    assert caught.value.code == "request_too_large"


def test_so_many_lanes_are_remembered_and_their_names_are_short() -> None:
    turns = SocketTurns(1 << 20)
    for number in range(MAX_LANES + 1):
        answered(turns, f"resp_{number}", stream_id=str(number))
    assert "previous_response_id" in asked(turns, previous_response_id="resp_0")
    assert "previous_response_id" not in asked(turns, previous_response_id="resp_1")
    assert begun(turns, stream_id="x" * MAX_NAME).lane == "x" * MAX_NAME
    with pytest.raises(InvalidRequestError) as caught:
        begun(turns, stream_id="x" * (MAX_NAME + 1))
    assert caught.value.param == "stream_id"


def test_lanes_that_fork_from_one_conversation_hold_it_once() -> None:
    turns = SocketTurns(1000)
    answered(turns, "resp_0", input=[USER | {"content": "x" * 500}])
    for lane in ("one", "two", "three"):
        answered(turns, f"resp_{lane}", stream_id=lane, previous_response_id="resp_0", input=[])
    for answer_id in ("resp_0", "resp_one", "resp_two", "resp_three"):
        assert "previous_response_id" not in asked(turns, previous_response_id=answer_id)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "response.steer", "previous_response_id": "resp_two", "input": "stop"},
        {"type": "response.inject", "response_id": "resp_two", "input": []},
    ],
)
@pytest.mark.parametrize("under_way", [True, False])
def test_what_cannot_be_added_to_an_answer_is_told_in_the_lane_of_that_answer(
    message: dict[str, Any], under_way: bool
) -> None:
    turns = SocketTurns(1 << 20)
    for lane in ("one", "two"):
        turn = begun(turns, stream_id=lane)
        turns.note(turn, event("response.created", named=True, response={"id": f"resp_{lane}"}))
        if not under_way:
            turns.ended(turn, f"resp_{lane}")
            turns.leave(turn)
    text = json.dumps(message)
    assert lane_of(text) is None
    assert json.loads(turns.read(text, None).refusal)["stream_id"] == "two"
    other = {name: "resp_0" if value == "resp_two" else value for name, value in message.items()}
    assert "stream_id" not in json.loads(turns.read(json.dumps(other), None).refusal)


@pytest.mark.parametrize(("data", "told"), [(b'{"a":1}', b'{"stream_id":"l","a":1}'), (b"{}", b"{}")])
def test_an_event_names_its_lane(data: bytes, told: bytes) -> None:
    assert Turn().event(data) == data
    assert Turn("l").event(data) == told


@pytest.mark.parametrize(
    ("text", "lane"),
    [
        ('{"type":"response.create"}', ""),
        ('{"type":"response.create","stream_id":"a"}', "a"),
        ('{"x":"stream_id"}', ""),
        ('{"stream_id":1}', ""),
        ('{"stream_id":"a"', ""),
        ("[]", ""),
        ('{"type":["response.steer"]}', ""),
        ('{"type":"response.create","x":{"type":"response.steer","stream_id":"a"}}', ""),
    ],
)
def test_the_lane_of_a_message_is_known_before_it_is_read(text: str, lane: str) -> None:
    assert lane_of(text) == lane
