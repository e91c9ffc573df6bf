"""Compaction in the items of this protocol: read, written, sent back, and on a WebSocket."""

import json
from typing import Any

import pytest

from dragoman.errors import InvalidRequestError, UpstreamError
from dragoman.protocols.compaction import summary_part
from dragoman.protocols.openai_responses import OpenAIResponsesServer
from dragoman.protocols.openai_responses.kept import ResponsesKept
from dragoman.protocols.openai_responses.relay import ResponsesRelay
from dragoman.protocols.openai_responses.request import Variant, decode_body, encode_body
from dragoman.protocols.openai_responses.sayable import Sayable
from dragoman.protocols.openai_responses.socket_turns import SocketTurns
from dragoman.protocols.operations import KeptCall
from dragoman.types import ChatRequest, ChatResponse, Text, Unknown, unfold
from dragoman.wire.sse import SseEvent
from tests.support.env import fixed_env

TRIGGER = {"type": "compaction_trigger"}
USER = {"role": "user", "content": "Hello"}
SERVER = OpenAIResponsesServer()
NATIVE = Unknown(protocol="openai-responses", data={"type": "compaction", "id": "cmp_1", "encrypted_content": "x"})


def wanted(*items: dict[str, Any]) -> ChatRequest:
    """A request to compact."""
    return decode_body({"model": "m", "input": [*items, TRIGGER]})


def test_the_trigger_is_a_wish_and_not_a_message_and_is_written_again() -> None:
    request = wanted(USER)
    assert request.compact
    assert len(request.messages) == 1
    assert encode_body(request, Variant(), Sayable(None))["input"] == [USER, TRIGGER]
    assert not decode_body({"model": "m", "input": [USER]}).compact


@pytest.mark.parametrize("text", ["a", "ä 👋 \x00\n", "dragomanMark.x", "x" * 100_000])
def test_a_summary_comes_back_as_it_was_written(text: str) -> None:
    response = ChatResponse(id="resp_1", parts=(summary_part(text),))
    whole = SERVER.encode_response(response, wanted(USER), fixed_env())
    (item,) = json.loads(whole.body)["output"]
    (message,) = decode_body({"model": "m", "input": [item]}).messages
    (part,) = message.parts
    assert isinstance(part, Text)
    assert message.role == "user"
    assert part.text.endswith(f"\n\n{text}")
    for broken in (item["encrypted_content"][:-1], item["encrypted_content"][:-2] + "!!"):
        with pytest.raises(InvalidRequestError, match="compaction"):
            decode_body({"model": "m", "input": [item | {"encrypted_content": broken}]})


@pytest.mark.parametrize(
    "parts", [(), (Text(text="x"),), (NATIVE, Text(text="x")), (NATIVE, NATIVE), (Text(text=""), NATIVE)]
)
def test_no_other_answer_is_given_to_who_wants_a_compaction(parts: tuple[Any, ...]) -> None:
    response = ChatResponse(id="resp_1", parts=parts)
    with pytest.raises(UpstreamError, match="compaction"):
        SERVER.encode_response(response, wanted(USER), fixed_env())
    with pytest.raises(UpstreamError, match="compaction"):
        SERVER.encoder(wanted(USER), fixed_env()).send(unfold(response))


def test_the_item_of_a_service_of_the_protocol_passes() -> None:
    response = ChatResponse(id="resp_1", parts=(NATIVE,))
    whole = SERVER.encode_response(response, wanted(USER), fixed_env())
    assert json.loads(whole.body)["output"] == [NATIVE.data]


def test_on_a_websocket_what_follows_goes_on_from_the_compaction_alone() -> None:
    turns = SocketTurns(1 << 20)
    turn = turns.read(json.dumps({"type": "response.create", "model": "m", "input": [USER, TRIGGER]}), "")
    item = json.dumps({"item": NATIVE.data}).encode()
    turns.note(turn, SseEvent(item, b"response.output_item.done"))
    turns.note(turn, SseEvent(b'{"response":{"id":"resp_1"}}', b"response.completed"))
    after = {"type": "response.create", "model": "m", "input": [USER], "previous_response_id": "resp_1"}
    assert json.loads(turns.read(json.dumps(after), "").body)["input"] == [NATIVE.data, USER]


def test_an_event_that_cannot_be_read_ends_what_is_known_of_the_conversation() -> None:
    turns = SocketTurns(1 << 20)
    turn = turns.read('{"type": "response.create", "input": "a"}', "")
    assert turns.note(turn, SseEvent(b'{"item": ', b"response.output_item.done"))
    assert turns.note(turn, SseEvent(b'{"response": {"id": "r"}}', b"response.completed"))
    again = turns.read('{"type": "response.create", "input": "b", "previous_response_id": "r"}', "")
    assert b'"previous_response_id":"r"' in again.body.replace(b" ", b"")


def test_a_call_without_a_key_shows_none() -> None:
    kept, relay = ResponsesKept("http://up/v1/responses"), ResponsesRelay("http://up/v1/responses")
    for key, shown in (("k", True), (None, False)):
        heads = (
            kept.encode_request(KeptCall("GET", "resp_1"), fixed_env(key)),
            relay.request_head(key, "m", stream=True),
        )
        assert [("authorization", "Bearer k") in head.headers for head in heads] == [shown, shown]
