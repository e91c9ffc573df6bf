"""The tap of a relayed answer against the decoder of a translated one: on the same bytes, however cut, they agree.

One difference is allowed: pieces of text that are alike are not decoded, so that an escape that JSON does not know ends
a translated answer, and passes in a relayed one.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.errors import DragomanError, OverloadedError, TruncatedStreamError
from dragoman.protocols.openai_responses import NAME
from dragoman.protocols.openai_responses.decode_stream import ReplyDecoder
from dragoman.protocols.openai_responses.relay import read_whole
from dragoman.protocols.openai_responses.tap import ResponsesTap
from dragoman.types import FinishReason, PartStart, ResponseEnd, Usage
from tests.support.cuts import bytewise, scattered, two_way
from tests.support.golden import cases
from tests.support.responses import events_of

Verdict = tuple[type[DragomanError] | None, str | None, bool, Usage | None, FinishReason | None]
"""Error's class and code, whether the end was seen, usage, reason to stop."""

GOLDEN = cases(NAME)
TEXT = GOLDEN["text"].reply

RESPONSE = {"id": "resp_1", "object": "response", "model": "m", "created_at": 1, "status": "in_progress", "output": []}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}


def stream(*events: dict[str, Any], compact: bool = True) -> bytes:
    """A stream of these events, numbered."""
    out = b""
    for number, event in enumerate(events):
        separators = (",", ":") if compact else None
        data = json.dumps(event | {"sequence_number": number}, separators=separators).encode()
        out += b"event: %b\ndata: %b\n\n" % (event["type"].encode(), data)
    return out


def text(words: str, **more: Any) -> dict[str, Any]:
    """A piece of text."""
    return {"type": "response.output_text.delta", **PLACE, "delta": words, "logprobs": [], **more}


CREATED = {"type": "response.created", "response": RESPONSE}
ADDED = {"type": "response.output_item.added", "output_index": 0, "item": MESSAGE}
WORDS = [text("Hello"), text(' "world" \\ \n'), text("", obfuscation="aB3"), text("😀")]
SPOKEN = 'Hello "world" \\ \n😀'
ITEM = MESSAGE | {"content": [{"type": "output_text", "text": SPOKEN, "annotations": []}]}
DONE = {"type": "response.output_item.done", "output_index": 0, "item": ITEM}
USAGE = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
END = {"type": "response.completed", "response": RESPONSE | {"status": "completed", "output": [ITEM], "usage": USAGE}}
FAILED = {"type": "response.failed", "response": RESPONSE | {"status": "failed", "error": {"code": "server_error"}}}
UNEXPLAINED = {"type": "response.failed", "response": RESPONSE | {"status": "failed", "error": None}}
FLAT = {"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": None}
WORDLESS = {"type": "output_text", "text": "", "annotations": []}
SILENT = MESSAGE | {"content": [WORDLESS]}
SILENT_PART = {"type": "response.content_part.done", **PLACE, "part": WORDLESS}
SILENT_TEXT = {"type": "response.output_text.done", **PLACE, "text": "", "logprobs": []}
SILENT_DONE = {"type": "response.output_item.done", "output_index": 0, "item": SILENT}
SILENT_ANSWER = RESPONSE | {"status": "completed", "output": [SILENT], "usage": USAGE}
SILENT_END = {"type": "response.completed", "response": SILENT_ANSWER}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": ""}
ARGUMENTS = {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 0}
CALLED = CALL | {"arguments": "{}"}


def unplaced(event: dict[str, Any]) -> dict[str, Any]:
    """`event` as llama.cpp's server (b11549) writes it."""
    return {name: value for name, value in event.items() if name not in ("output_index", "sequence_number")}


HAND_MADE: dict[str, bytes] = {
    "nothing": b"",
    "blank": b"\n\n \n",
    "usual": stream(CREATED, ADDED, *WORDS, DONE, END),
    "with spaces": stream(CREATED, ADDED, *WORDS, DONE, END, compact=False),
    "many pieces": stream(CREATED, ADDED, *WORDS * 20, END),
    "no item done": stream(CREATED, ADDED, *WORDS, END),
    "a failure": stream(CREATED, ADDED, *WORDS, FAILED),
    "a flat error": stream(CREATED, ADDED, *WORDS, FLAT, FAILED),
    "a failure first": stream(CREATED, FAILED),
    "a failure before its reason": stream(CREATED, ADDED, *WORDS, UNEXPLAINED, FLAT),
    "a failure without a reason": stream(CREATED, ADDED, *WORDS, UNEXPLAINED),
    "a failure without a reason first": stream(CREATED, UNEXPLAINED),
    "an error first": stream(FLAT),
    "an error behind the end": stream(CREATED, ADDED, *WORDS, DONE, END, FLAT),
    "no end": stream(CREATED, ADDED, *WORDS, DONE),
    "cut in an event": stream(CREATED, ADDED, *WORDS, DONE, END)[:-30],
    "a mark behind the end": stream(CREATED, ADDED, *WORDS, DONE, END) + b"data: [DONE]\n\n",
    "a mark alone": b"data: [DONE]\n\n",
    "no blank line at the end": stream(CREATED, ADDED, *WORDS, DONE, END).rstrip(b"\n"),
    "comments": b": hi\n\n" + stream(CREATED, ADDED) + b": hi\n\n" + stream(*WORDS, DONE, END),
    "a call": stream(
        CREATED,
        {"type": "response.output_item.added", "output_index": 0, "item": CALL},
        ARGUMENTS | {"delta": "{"},
        ARGUMENTS | {"delta": "}"},
        {"type": "response.output_item.done", "output_index": 0, "item": CALLED},
        {"type": "response.completed", "response": RESPONSE | {"status": "completed", "output": [CALLED]}},
    ),
    "a call that only its beginning names": stream(
        CREATED,
        {"type": "response.output_item.added", "output_index": 0, "item": CALL},
        ARGUMENTS | {"delta": "{}"},
        {"type": "response.completed", "response": RESPONSE | {"status": "completed"}},
    ),
    "a text beside no items": stream(
        CREATED, {"type": "response.completed", "response": RESPONSE | {"status": "completed", "output_text": "Hi"}}
    ),
    "a whole answer with its text beside no items": json.dumps(
        RESPONSE | {"status": "completed", "output_text": "Hi"}
    ).encode(),
    "a text beside its item, too": stream(
        CREATED,
        ADDED,
        *WORDS,
        DONE,
        {"type": "response.completed", "response": RESPONSE | {"output": [ITEM], "output_text": SPOKEN}},
    ),
    "an empty answer": stream(
        CREATED, {"type": "response.completed", "response": RESPONSE | {"status": "completed", "usage": USAGE}}
    ),
    "an empty text": stream(CREATED, ADDED, SILENT_TEXT, SILENT_PART, SILENT_DONE, SILENT_END),
    "an empty piece": stream(CREATED, ADDED, text(""), SILENT_TEXT, SILENT_PART, SILENT_DONE, SILENT_END),
    "an empty text at the end alone": stream(CREATED, SILENT_END),
    "an empty text without names": stream(CREATED, ADDED, text(""), SILENT_DONE, SILENT_END).replace(
        b"event: ", b"x: "
    ),
    "a whole answer with a blank line": b"{\n\n" + json.dumps(END["response"]).encode()[1:],
    "a whole answer with an empty text": json.dumps(SILENT_ANSWER).encode(),
    "an empty piece before words": stream(CREATED, ADDED, text(""), *WORDS * 3, DONE, END),
    "an empty text before a call": stream(
        CREATED,
        ADDED,
        SILENT_DONE,
        {"type": "response.output_item.added", "output_index": 1, "item": CALL},
        {"type": "response.output_item.done", "output_index": 1, "item": CALLED},
        {"type": "response.completed", "response": RESPONSE | {"status": "completed", "output": [SILENT, CALLED]}},
    ),
    "incomplete": stream(
        CREATED,
        ADDED,
        *WORDS,
        {"type": "response.incomplete", "response": RESPONSE | {"status": "incomplete", "incomplete_details": {}}},
    ),
    "an error in a field of a piece": stream(CREATED, ADDED, *WORDS, text("a", error={"message": "busy"}), END),
    "a piece that is no text": stream(CREATED, ADDED, *WORDS, text("a", delta=5), DONE, END),
    "items without places": stream(CREATED, *map(unplaced, (ADDED, *WORDS, DONE)), END),
    "a call without a place": stream(
        CREATED,
        unplaced({"type": "response.output_item.added", "item": CALL}),
        unplaced(ARGUMENTS | {"delta": "{}"}),
        {"type": "response.completed", "response": RESPONSE | {"status": "completed", "output": [CALLED]}},
    ),
    "no names": stream(CREATED, ADDED, *WORDS, DONE, END).replace(b"event: ", b"x: "),
    "a page": b"<html>no</html>",
    "a whole answer": json.dumps(END["response"]).encode(),
    "a whole failure": json.dumps(FAILED["response"]).encode(),
    "a byte order mark": b"\xef\xbb\xbf" + stream(CREATED, ADDED, *WORDS, DONE, END),
    "other line ends": stream(CREATED, ADDED, *WORDS, DONE, END).replace(b"\n", b"\r\n"),
    "junk in the middle": stream(CREATED, ADDED, *WORDS) + b"event: response.output_text.delta\ndata: {\n\n" + TEXT,
    "a stray failure": stream(CREATED, ADDED, *WORDS) + b'{"error":{"message":"busy"}}\n\n',
}
BODIES = {name: case.reply for name, case in GOLDEN.items()} | HAND_MADE
each = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)

steady = settings(derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def decoded(body: bytes) -> Verdict:
    """What the decoder of the slow path finds."""
    decoder = ReplyDecoder()
    events = [*decoder.feed(body), *decoder.finish()]
    end = next((event for event in events if isinstance(event, ResponseEnd)), None)
    return (
        type(decoder.error) if decoder.error else None,
        decoder.error.code if decoder.error else None,
        decoder.done,
        end.usage if end else None,
        end.finish_reason if end else None,
    )


def tapped(pieces: Sequence[bytes], *, joined: bool = True) -> Verdict:
    """What the tap finds, fed as the relay feeds it."""
    tap = ResponsesTap()
    for number, piece in enumerate(pieces):
        if joined:
            tap.feed(piece)
        else:
            tap.feed_pieces([piece])
        if tap.needs_decoding:
            return decoded(b"".join([tap.unread(), *pieces[number + 1 :]]))
    tap.finish()
    return (
        type(tap.error) if tap.error else None,
        tap.error.code if tap.error else None,
        tap.done,
        tap.usage if tap.error is None else None,
        tap.finish_reason,
    )


@each
def test_tap_and_decoder_agree_at_every_cut(body: bytes) -> None:
    expected = decoded(body)
    assert tapped([body]) == expected
    assert tapped(bytewise(body)) == expected
    for seed in range(12):
        assert tapped(scattered(body, seed), joined=seed % 2 == 0) == expected
    if len(body) < 1200:
        for pieces in two_way(body):
            assert tapped(pieces) == expected


@settings(steady, max_examples=150)
@given(data=st.data())
def test_tap_and_decoder_agree_on_a_spoilt_body(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from([each for each in BODIES.values() if each])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    raw = bytes(body)
    if b"\\u" in raw or b"\\x" in raw:
        return  # an escape that JSON does not know is the one difference
    expected, found = decoded(raw), tapped([raw])
    if expected[0] not in {None, found[0]} and found[:3] in {(None, None, True), (TruncatedStreamError, None, False)}:
        # What is wrong stands in pieces that the tap does not decode, whether the stream has an end or not.
        assert b".delta" in raw
    else:
        assert found == expected


@pytest.mark.parametrize("name", ["usual", "with spaces", "many pieces", "a call", "comments", "other line ends"])
def test_a_good_answer_passes_as_it_came(name: str) -> None:
    body = HAND_MADE[name]
    for pieces in ([body], bytewise(body), *(scattered(body, seed) for seed in range(9))):
        tap = ResponsesTap()
        passed = b"".join([*(tap.feed(piece) for piece in pieces), tap.finish()])
        assert passed == body
        assert (tap.done, tap.committed) == (True, True)
    tap = ResponsesTap()
    events = [event + b"\n\n" for event in HAND_MADE["many pieces"].split(b"\n\n")[:-1]]
    assert b"".join([tap.feed_pieces(events), tap.finish()]) == HAND_MADE["many pieces"]


def test_a_row_of_pieces_is_passed_without_a_copy_and_undecoded() -> None:
    tap = ResponsesTap()
    tap.feed(stream(CREATED, ADDED, text("a"), text("b")))
    row = stream(text("Hello"), text(' "world" \\ \n'), text(""), text("😀"))
    assert tap.feed(row) is row
    shape = tap.shape
    assert shape is not None

    def fits(data: bytes) -> bool:
        return shape.fits(data, 0, len(data))

    assert fits(row)
    assert not fits(stream(*WORDS, text("a", error=None)))
    assert not fits(stream(text("a"), DONE))
    assert not fits(stream(text("a"))[:-1])
    assert not fits(stream(text("a")).replace(b"output_text", b"reasoning_text"))


@pytest.mark.parametrize("event", [FAILED, FLAT], ids=["failed", "error"])
@pytest.mark.parametrize("line", [b"id: 7", b"retry: 1", b": more"])
def test_a_failure_with_a_line_more_is_found(event: dict[str, Any], line: bytes) -> None:
    data = stream(CREATED, ADDED, text("Hello"), event)
    data = data[: data.rfind(b"\ndata: ")] + b"\n" + line + data[data.rfind(b"\ndata: ") :]
    assert tapped([data]) == decoded(data)
    assert tapped([data])[0] is not None


def test_nothing_passes_before_the_first_words() -> None:
    tap = ResponsesTap()
    begun = stream(CREATED, ADDED)
    assert tap.feed(begun) == b""
    assert not tap.committed
    assert tap.unread() == begun
    words = stream(*WORDS)
    assert tap.feed(words) == begun + words
    assert tap.committed


@pytest.mark.parametrize("name", ["items without places", "a call without a place"])
@pytest.mark.parametrize("named", [True, False])
def test_an_answer_whose_items_have_no_places_is_decoded(name: str, *, named: bool) -> None:
    body = HAND_MADE[name] if named else re.sub(rb"event: .*\n", b"", HAND_MADE[name])
    for pieces in ([body], bytewise(body)):
        tap = ResponsesTap()
        for number, piece in enumerate(pieces):
            assert tap.feed(piece) == b""
            if tap.needs_decoding:
                assert tap.unread() + b"".join(pieces[number + 1 :]) == body
                break
        assert tap.needs_decoding
    placed = ResponsesTap()
    assert placed.feed(stream(CREATED, ADDED, *WORDS)) != b""
    assert not placed.needs_decoding


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("before", [(CREATED,), ()], ids=["begun", "odd"])
def test_a_message_that_begins_is_no_content_and_any_other_item_is(
    before: tuple[dict[str, Any], ...], compact: bool
) -> None:
    tap = ResponsesTap()
    assert tap.feed(stream(*before, ADDED, compact=compact)) == b""
    assert not tap.committed
    tap = ResponsesTap()
    thinking = {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1"}}
    data = stream(*before, thinking, compact=compact)
    assert tap.feed(data) == data
    assert tap.committed


@pytest.mark.parametrize("events", [(FLAT, FAILED), (UNEXPLAINED, FLAT)])
def test_a_failure_does_not_pass_and_is_told_with_the_next_numbers(events: tuple[dict[str, Any], ...]) -> None:
    tap = ResponsesTap()
    passed = tap.feed(stream(CREATED, ADDED, *WORDS, *events))
    assert passed == stream(CREATED, ADDED, *WORDS)
    assert tap.error is not None
    error, failed = events_of(tap.failure(tap.error))
    assert (error["type"], error["sequence_number"], error["code"]) == ("error", 6, "rate_limit_exceeded")
    assert (failed["type"], failed["sequence_number"]) == ("response.failed", 7)
    assert (failed["response"]["id"], failed["response"]["status"]) == ("resp_1", "failed")


def test_a_failure_for_which_no_reason_comes_is_one_all_the_same() -> None:
    tap = ResponsesTap()
    assert tap.feed(stream(CREATED, ADDED, *WORDS, UNEXPLAINED)) == stream(CREATED, ADDED, *WORDS)
    assert tap.finish() == b""
    assert tap.error is not None
    assert tap.error.message == "no reason was given"


def test_a_failure_of_an_answer_of_which_nothing_passed_begins_with_0() -> None:
    error, failed = events_of(ResponsesTap().failure(OverloadedError("busy")))
    assert [error["sequence_number"], failed["sequence_number"]] == [0, 1]


def test_numbers_in_the_text_are_none() -> None:
    tap = ResponsesTap()
    tap.feed(stream(CREATED, ADDED, text('"sequence_number":99')))
    (error, _) = events_of(tap.failure(OverloadedError("busy")))
    assert error["sequence_number"] == 3


def test_an_empty_answer_is_known() -> None:
    tap = ResponsesTap()
    tap.feed(HAND_MADE["an empty answer"])
    assert (tap.empty, tap.done, tap.finish_reason) == (True, True, "stop")
    full = ResponsesTap()
    full.feed(HAND_MADE["usual"])
    assert not full.empty
    assert read_whole(json.dumps(RESPONSE | {"status": "completed"}).encode()).empty
    assert not read_whole(HAND_MADE["a whole answer"]).empty


@pytest.mark.parametrize("name", [name for name in HAND_MADE if name.startswith("an empty ")])
def test_a_text_without_words_is_no_content_on_either_way(name: str) -> None:
    body = HAND_MADE[name]
    empty = "before" not in name
    for pieces in ([body], bytewise(body)):
        tap, decoder = ResponsesTap(), ReplyDecoder()
        events = []
        for piece in pieces:
            tap.feed(piece)
            events += decoder.feed(piece)
            begun = any(isinstance(event, PartStart) for event in events)
            assert tap.done or not tap.committed or begun
        assert (tap.empty, begun, tap.done, decoder.done) == (empty, not empty, True, True)


def test_a_whole_answer_of_a_text_without_words_is_empty() -> None:
    body = HAND_MADE["a whole answer with an empty text"]
    assert read_whole(body).empty
    assert read_whole(body.replace(b'"resp_1"', b"5")).empty, "read by the decoder"
    assert not read_whole(body.replace(b'"text": ""', b'"text": " "')).empty


def test_an_answer_is_never_taken_for_whole_if_its_end_did_not_come() -> None:
    tap = ResponsesTap()
    tap.feed(HAND_MADE["no end"])
    assert not tap.ending
    assert (tap.salvage(), tap.done) == (b"", False)


def test_the_decoder_sees_parts_where_the_tap_commits() -> None:
    events = ReplyDecoder().feed(stream(CREATED, ADDED, *WORDS[:1]))
    assert any(isinstance(event, PartStart) for event in events)


def test_a_failure_at_the_end_without_a_blank_line_is_found() -> None:
    tap = ResponsesTap()
    tap.feed(stream(CREATED, ADDED, *WORDS))
    tap.feed(stream(FAILED).rstrip(b"\n"))
    assert (tap.finish(), tap.done) == (b"", False)
    assert tap.error is not None


@pytest.mark.parametrize("start", [b"event: response.created\ndata: [1]\n\n", b"event: x\ndata: {\n\n", b""])
def test_a_failure_of_an_answer_whose_beginning_was_odd_has_one_all_the_same(start: bytes) -> None:
    tap = ResponsesTap()
    tap.feed(start)
    (_, failed) = events_of(tap.failure(OverloadedError("busy")))
    assert (failed["response"]["object"], failed["response"]["status"]) == ("response", "failed")
