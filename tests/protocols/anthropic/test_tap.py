"""The tap of a relayed answer against the decoder of a translated one: on the same bytes, however cut, they agree.

One difference is allowed: the text of deltas is not decoded, so that an escape that JSON does not know ends a
translated answer, and passes in a relayed one.
"""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import DragomanError
from dragoman.protocols.anthropic import NAME
from dragoman.protocols.anthropic.decode_stream import ReplyDecoder
from dragoman.protocols.anthropic.encode_stream import PING, STOP
from dragoman.protocols.anthropic.tap import MessageTap, read_whole
from dragoman.protocols.relay import ReplySummary
from dragoman.types import FinishReason, PartStart, ResponseEnd, Usage
from tests.support.cuts import bytewise, scattered, two_way
from tests.support.golden import cases

Verdict = tuple[type[DragomanError] | None, str | None, bool, Usage | None, FinishReason | None]
"""Error's class and code, whether the end was seen, usage, reason to stop."""

GOLDEN = cases(NAME)


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


def verdict(told: ReplySummary, *, done: bool) -> Verdict:
    """What it has found."""
    return (
        type(told.error) if told.error else None,
        told.error.code if told.error else None,
        done,
        told.usage if done else None,
        told.finish_reason,
    )


def tapped(pieces: Sequence[bytes]) -> Verdict:
    """What the tap finds, fed as the relay feeds it."""
    tap = MessageTap()
    for number, piece in enumerate(pieces):
        tap.feed(piece)
        if tap.needs_decoding:
            return decoded(b"".join([tap.unread(), *pieces[number + 1 :]]))
    tap.finish()
    return verdict(tap, done=tap.done)


def let_through(reads: Sequence[list[bytes]]) -> bytes:
    """What passes of these reads; nothing of a body that is no stream."""
    tap = MessageTap()
    data = b"".join([*map(tap.feed_pieces, reads), tap.finish()])
    return b"" if tap.needs_decoding else data


def passed(pieces: Sequence[bytes]) -> bytes:
    """What passes of pieces that come in one read each, or two by two, or all in one."""
    alone = [[piece] for piece in pieces]
    pairs = [list(pieces[at : at + 2]) for at in range(0, len(pieces), 2)]
    found = [let_through(reads) for reads in (alone, pairs, [list(pieces)])]
    assert found[0] == found[1] == found[2]
    return found[0]


def event(kind: str, **fields: Any) -> bytes:
    """One event."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | fields, separators=(',', ':'))}\n\n".encode()


def block(index: int = 0, **body: Any) -> bytes:
    """A block begins."""
    return event("content_block_start", index=index, content_block=body or {"type": "text", "text": ""})


def text(words: str, index: int = 0) -> bytes:
    """A piece of text."""
    return event("content_block_delta", index=index, delta={"type": "text_delta", "text": words})


def piece(words: str, index: int = 0) -> bytes:
    """A piece of a call's arguments."""
    return event("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": words})


def end(reason: str | None = "end_turn", **usage: int) -> bytes:
    """The reason to stop."""
    return event(
        "message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": 9} | usage
    )


MESSAGE = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "c"}
START = event("message_start", message=MESSAGE | {"usage": {"input_tokens": 5, "output_tokens": 1}})
CLOSE = event("content_block_stop", index=0)
BEGUN = START + block()
CALL = block(type="tool_use", id="t", name="f", input={})
UNKNOWN = block(type="mcp_tool_use", id="t", name="f", input={})
FAILURE = event("error", error={"type": "overloaded_error", "message": "busy"})
LONG = "word " * 40

HAND_MADE: dict[str, bytes] = {
    "nothing": b"",
    "blank": b"\n\n \n",
    "only the end": STOP,
    "only a start": START,
    "text": BEGUN + text("a") + text("b") + CLOSE + end() + STOP,
    "no end mark": BEGUN + text("a") + text("b") + CLOSE + end("max_tokens"),
    "no end mark and no blank line": (BEGUN + text("a") + CLOSE + end("max_tokens")).rstrip(b"\n"),
    "no blank line": (BEGUN + text("a") + CLOSE + end() + STOP).rstrip(b"\n"),
    "end mark and no reason": BEGUN + text("a") + CLOSE + STOP,
    "neither": BEGUN + text("a") + text("b"),
    "cut in an event": (BEGUN + text("a") + text("b"))[:-20],
    "cut in the end mark": BEGUN + text("a") + CLOSE + end() + STOP[:-9],
    "pings": PING + BEGUN + PING + text("a") + PING + CLOSE + end() + PING + STOP,
    "comments": b": hi\n\n" + BEGUN + b": hi\n\n" + text("a") + CLOSE + end() + STOP,
    "usage twice": BEGUN + text("a") + CLOSE + end(input_tokens=50) + end(input_tokens=60) + STOP,
    "error first": FAILURE,
    "error after the start": START + FAILURE,
    "error in mid-stream": BEGUN + text("a") + text("b") + FAILURE,
    "error, then the end": BEGUN + text("a") + FAILURE + CLOSE + end() + STOP,
    "error after the end": BEGUN + text("a") + CLOSE + end() + STOP + FAILURE,
    "error without a name": BEGUN + text("a") + FAILURE.partition(b"\n")[2],
    "another program's error": BEGUN + text("a") + b'data: {"error":{"message":"busy"}}\n\n',
    "error that is no JSON": BEGUN + text("a") + b"event: error\ndata: busy\n\n",
    "a delta that is no JSON": BEGUN + text("a") + b"event: content_block_delta\ndata: {\n\n" + CLOSE + end() + STOP,
    "a page in the middle": BEGUN + text("a") + b"<html>\n\n",
    "a bare failure in the middle": BEGUN + text("a") + b'{"error":{"message":"busy"}}\n\n',
    "a flat failure": BEGUN + text("a") + event("error", message="busy"),
    "a message that has begun": event(
        "message_start", message=MESSAGE | {"content": [{"type": "text", "text": "a"}, 5]}
    )
    + block(1)
    + text("b", 1)
    + CLOSE
    + end()
    + STOP,
    "words": BEGUN + text("a") + b"upstream failed\n\n",
    "words that look like events": BEGUN + text('event: error\n\ndata: {"type":"error"}\n\n') + CLOSE + end() + STOP,
    "escapes": BEGUN + text('\\ " \n \u2028 \x00') + text("\\") + text('\\"') + CLOSE + end() + STOP,
    "a call": START + CALL + piece("") + piece('{"a":') + piece("1}") + CLOSE + end("tool_use") + STOP,
    "a call, and a plain end": START + CALL + piece('{"a":1}') + CLOSE + end() + STOP,
    "arguments without a call": BEGUN + text("a") + CLOSE + piece("{}") + end() + STOP,
    "arguments of another block": BEGUN + text("a") + piece("{}", 3) + CLOSE + end() + STOP,
    "text without a block": START + text("a") + text("b") + end() + STOP,
    "a block of an unknown kind": START + UNKNOWN + piece('{"a":1}') + CLOSE + end() + STOP,
    "a block of an unknown kind, broken": START + UNKNOWN + piece("{") + CLOSE + end() + STOP,
    "two blocks at once": START + block() + block(1) + text("a") + text("b", 1) + text("c") + CLOSE + end() + STOP,
    "a call without a name": BEGUN + text("a") + CLOSE + block(1, type="tool_use", id="t") + end() + STOP,
    "two messages": BEGUN + text("a") + START + block() + text("b") + CLOSE + end() + STOP,
    "an empty text": BEGUN + CLOSE + end() + STOP,
    "an empty text that was cut": BEGUN + CLOSE + end(None) + STOP,
    "a new event": BEGUN + event("brand_new", x=1) + text("a") + CLOSE + end() + STOP,
    "a new event without a type": BEGUN + text("a") + b"event: brand_new\ndata: {}\n\n" + CLOSE + end() + STOP,
    "an unknown reason": BEGUN + text("a") + CLOSE + end("weariness") + STOP,
    "[DONE]": BEGUN + text("a") + CLOSE + end() + STOP + b"data: [DONE]\n\n",
    "[DONE] for an end": BEGUN + text("a") + CLOSE + end() + b"data: [DONE]\n\n",
    "a byte order mark": b"\xef\xbb\xbf" + BEGUN + text("a") + CLOSE + end() + STOP,
    "padded": (BEGUN + text("a") + text("b") + CLOSE + end() + STOP).replace(b'"}}\n', b'"}   }   \n'),
    "with spaces": b"".join(
        each.replace(b'":', b'": ').replace(b',"', b', "') for each in (BEGUN, text("a"), text("b"), CLOSE, end(), STOP)
    ),
    "a page": b"<!DOCTYPE html><p>Just a moment",
    "a whole answer": json.dumps(MESSAGE | {"content": [{"type": "text", "text": "a"}], "stop_reason": "x"}).encode(),
    "a whole failure": json.dumps({"type": "error", "error": {"type": "api_error", "message": "busy"}}).encode(),
    "other JSON": b'{"status":"ok"}',
    "a list": b"[]",
    "half a whole answer": b'{"type":"message","content":[',
}
for _name, _end in (("CRLF", b"\r\n"), ("CR", b"\r")):
    for _key in ("text", "no end mark", "error in mid-stream", "cut in an event", "a call"):
        HAND_MADE[f"{_key}, {_name}"] = HAND_MADE[_key].replace(b"\n", _end)
for _key in ("text", "no end mark", "a call", "error in mid-stream"):
    HAND_MADE[f"{_key}, unnamed"] = b"".join(
        each.partition(b"\n")[2] + b"\n\n" for each in HAND_MADE[_key].split(b"\n\n") if each
    )

BODIES = {name: case.reply for name, case in GOLDEN.items()} | HAND_MADE


@pytest.mark.parametrize("name", BODIES)
def test_finds_what_the_decoder_finds_at_every_cut(name: str, pytestconfig: pytest.Config) -> None:
    body = BODIES[name]
    expected = decoded(body)
    assert tapped([body]) == expected, "whole"
    for pieces in two_way(body, sampled=not pytestconfig.getoption("--faults")):
        assert tapped(pieces) == expected, f"cut at byte {len(pieces[0])}"
    assert tapped(bytewise(body)) == expected, "byte by byte"
    for seed in range(20):
        assert tapped(scattered(body, seed)) == expected, f"seed {seed}"


POOL = [
    START,
    block(),
    block(1),
    CALL,
    UNKNOWN,
    text("a"),
    text(LONG),
    text("b", 1),
    text('"error" message_stop'),
    piece("{"),
    piece("}"),
    event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"}),
    event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "c2ln"}),
    event("content_block_delta", index=0, delta={"type": "new_delta", "x": "{"}),
    CLOSE,
    event("content_block_stop", index=1),
    end(),
    end("tool_use", input_tokens=70),
    PING,
    b": a comment\n\n",
    FAILURE,
    STOP,
]

bodies = st.builds(
    lambda items, line_end, tail: (b"".join(items) + tail).replace(b"\n", line_end),
    st.lists(st.sampled_from(POOL), max_size=16),
    st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\r"]),
    st.sampled_from([b"", end() + STOP, end(), text("x")[:-9], STOP.rstrip(b"\n")]),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(bodies, st.integers(0, 2**32), st.integers(1, 40))
def test_any_order_of_events_in_any_pieces_is_found_alike(body: bytes, seed: int, count: int) -> None:
    assert tapped(scattered(body, seed, count)) == decoded(body)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(BODIES)), st.binary(max_size=40), st.integers(0, 2**32), st.integers(1, 9))
def test_whatever_comes_nothing_is_raised(name: str, junk: bytes, seed: int, count: int) -> None:
    body = BODIES[name]
    at = seed % (len(body) + 1)
    for broken in (junk, body[:at] + junk, body[:at] + junk + body[at:], junk + body, body.replace(b'"', junk[:1])):
        tap = MessageTap()
        for part in scattered(broken, seed, count):
            tap.feed(part)
        tap.finish()
        assert tap.done or tap.needs_decoding or tap.error is not None
        read_whole(broken)


@pytest.mark.parametrize("name", BODIES)
def test_what_passes_is_what_came_however_it_is_cut(name: str) -> None:
    body = BODIES[name]
    whole = passed([body])
    for pieces in (bytewise(body), *(scattered(body, seed) for seed in range(20))):
        assert passed(pieces) == whole
    if "unnamed" not in name and b"\ndata" in body:
        # Nothing is added but the end of an answer that had none, and nothing is left out but what stands after it.
        kept = whole.removesuffix(STOP).removesuffix(b"\n\n")
        assert body.removeprefix(b"\xef\xbb\xbf").startswith(kept)


def test_nothing_passes_before_the_first_content() -> None:
    tap = MessageTap()
    assert tap.feed(BEGUN + PING) == b""
    assert not tap.committed
    assert tap.feed(text("a")) == BEGUN + PING + text("a")
    assert tap.committed


def test_deltas_pass_as_the_object_that_came() -> None:
    tap = MessageTap()
    tap.feed(BEGUN + text("a"))
    rows = [text("b"), text("b") + text("c"), text('"\\') + text("c") * 30]
    assert all(tap.feed(row) is row for row in rows)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("bad", [FAILURE, FAILURE.partition(b"\n")[2], b"event: error\ndata: busy\n\n"])
def test_what_stands_before_a_failure_passes_and_nothing_else(bad: bytes, line_end: bytes) -> None:
    before = (BEGUN + text("a") + text("b")).replace(b"\n", line_end)
    body = before + (bad + text("c") + CLOSE + end() + STOP).replace(b"\n", line_end)
    for pieces in ([body], bytewise(body)):
        tap = MessageTap()
        assert b"".join(map(tap.feed, pieces)) == before
        assert tap.error is not None
        assert tap.committed


def test_an_end_mark_that_was_never_sent_is_added() -> None:
    for name, added in (("no end mark", True), ("text", False), ("neither", False), ("error first", False)):
        assert passed([HAND_MADE[name]]).removeprefix(HAND_MADE[name]) == (STOP if added else b""), name
    assert passed([HAND_MADE["no end mark and no blank line"]]).endswith(b"}\n\n" + STOP)
    assert passed([HAND_MADE["no blank line"]]) == HAND_MADE["no blank line"] + b"\n\n"


def test_events_get_the_names_that_callers_need() -> None:
    assert passed([HAND_MADE["text, unnamed"]]) == HAND_MADE["text"]
    assert passed([HAND_MADE["no end mark, unnamed"]]) == HAND_MADE["no end mark"] + STOP


def thought(words: str, index: int = 0) -> bytes:
    """A piece of thinking."""
    return event("content_block_delta", index=index, delta={"type": "thinking_delta", "thinking": words})


def stop(index: int) -> bytes:
    """A block ends."""
    return event("content_block_stop", index=index)


def called(index: int, **more: Any) -> bytes:
    """A call begins."""
    return block(index, type="tool_use", id="t", name="f", input={}, **more)


BEGINNING = START + block(type="thinking", thinking="") + thought("hm")
ENDING = end("tool_use") + STOP
NUMBERED: dict[str, tuple[bytes, bytes]] = {
    "a call with the number of the thinking before it": (
        BEGINNING + called(0) + piece("{}") + stop(0) + stop(1) + ENDING,
        BEGINNING + stop(0) + called(1) + piece("{}", 1) + stop(1) + ENDING,
    ),
    "two calls with that number": (
        BEGINNING + (called(0) + piece("{}") + stop(0)) * 2 + ENDING,
        BEGINNING
        + stop(0)
        + b"".join(called(number) + piece("{}", number) + stop(number) for number in (1, 2))
        + ENDING,
    ),
    "a text with the number of one that has ended": (
        BEGUN + text("a") + CLOSE + block() + text("b") + text("c") + CLOSE + end() + STOP,
        BEGUN + text("a") + CLOSE + block(1) + text("b", 1) + text("c", 1) + stop(1) + end() + STOP,
    ),
    "blocks at once": (
        BEGINNING + called(1) + piece("{}", 1) + stop(0) + stop(1) + ENDING,
        BEGINNING + called(1) + piece("{}", 1) + stop(0) + stop(1) + ENDING,
    ),
}
"""Streams of services that give a number to two blocks, and what passes. The first is Ollama's (0.17.4)."""


@pytest.mark.parametrize(("came", "passes"), NUMBERED.values(), ids=NUMBERED)
def test_each_block_has_a_number_of_its_own(came: bytes, passes: bytes) -> None:
    for pieces in ([came], bytewise(came), *(scattered(came, seed) for seed in range(5))):
        assert passed(pieces) == passes


def test_what_stands_beside_a_number_passes_as_it_came() -> None:
    odd = called(0, seed=1).replace(b'"seed":1', b'"seed":1e400,"n":12345678901234567890123')
    assert odd.replace(b'"index":0', b'"index":1') in passed([BEGINNING + odd + piece("{}") + stop(0) + ENDING])


def test_an_answer_that_broke_off_after_its_reason_is_complete() -> None:
    tap = MessageTap()
    given = HAND_MADE["no end mark"]
    assert tap.feed(given) == given
    assert tap.ending
    assert tap.salvage() == STOP
    assert (tap.done, tap.finish_reason) == (True, "length")
    broken = MessageTap()
    broken.feed(HAND_MADE["neither"])
    assert not broken.ending
    assert broken.salvage() == b""
    assert not broken.done


def test_an_answer_without_content_is_empty() -> None:
    for name, empty in (("an empty text", True), ("text", False), ("a call", False)):
        tap = MessageTap()
        tap.feed(HAND_MADE[name])
        assert tap.empty is empty, name
        decoder = ReplyDecoder()
        assert empty is not any(isinstance(each, PartStart) for each in decoder.feed(HAND_MADE[name]))


def test_whole_answers_are_read() -> None:
    whole = read_whole(BODIES["whole"])
    assert (whole.finish_reason, whole.usage, whole.empty) == ("tool_call", Usage(3, 4), False)
    assert read_whole(BODIES["whole-error"]).error is not None
    assert read_whole(b'{"type":"message","content":[],"stop_reason":"end_turn"}').empty
    silent = read_whole(b'{"type":"message","content":null,"stop_reason":"end_turn","usage":{"output_tokens":1}}')
    assert (silent.error, silent.empty, silent.needs_decoding) == (None, True, True)


def test_nothing_passes_after_a_failure_or_of_a_whole_answer() -> None:
    for body in (HAND_MADE["error in mid-stream"], HAND_MADE["half a whole answer"]):
        tap = MessageTap()
        tap.feed(body)
        assert (tap.salvage(), tap.finish(), tap.done) == (b"", b"", False)


def test_a_service_that_writes_each_delta_in_another_way_is_read_one_by_one() -> None:
    ways = [text(f"{number}").replace(b'"delta":', b'"delta":' + b" " * (number % 2)) for number in range(40)]
    body = BEGUN + b"".join(ways) + CLOSE + end() + STOP
    assert passed([BEGUN, *ways, CLOSE + end() + STOP]) == body


def test_padding_of_deltas_is_known_at_once_or_at_the_second_delta() -> None:
    for first in (0, 3):
        tap = MessageTap()
        tap.feed(BEGUN)
        for blanks in (first, 5, 0):
            delta = text("a").replace(b"}}\n", b"}%b}\n" % (b" " * blanks))
            assert tap.feed(delta).endswith(delta)
        shape = tap.shape
        assert shape is not None
        for blanks in range(9):
            delta = text("b").replace(b"}}\n", b"}%b}%b\n" % (b" " * blanks, b" " * (9 - blanks)))
            assert shape.fits(delta, 0, len(delta))


def test_what_was_reported_is_known_before_the_end() -> None:
    tap = MessageTap()
    tap.feed(event("message_start", message=MESSAGE | {"usage": {"input_tokens": 7, "output_tokens": 1}}) + block())
    tap.feed(text("a") + text("b"))
    tap.count()
    assert tap.usage == Usage(7, 1)
    assert not tap.counted
    tap.feed(CLOSE + end())
    tap.count()
    assert tap.usage == Usage(7, 9)
    assert tap.counted
