"""The tap of a relayed answer against the decoder of a translated one: on the same bytes, however cut, they agree.

One difference is allowed: the text of events that are alike is not decoded, so that an escape that JSON does not know
ends a translated answer, and passes in a relayed one.
"""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import DragomanError
from dragoman.protocols.openai_chat.decode_stream import ReplyDecoder
from dragoman.protocols.openai_chat.tap import ChatTap, read_whole
from dragoman.protocols.relay import ReplySummary
from dragoman.types import FinishReason, ResponseEnd, Usage
from dragoman.wire.sse import SseReader
from tests.support.cuts import bytewise, scattered, two_way
from tests.support.golden import cases

Verdict = tuple[type[DragomanError] | None, str | None, bool, Usage | None, FinishReason | None]
"""Error's class and code, whether the end was seen, usage, reason to stop."""

GOLDEN = cases("openai-chat")


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


def tapped(pieces: Sequence[bytes]) -> Verdict:
    """What the tap finds, fed as the relay feeds it."""
    tap = ChatTap()
    for number, piece in enumerate(pieces):
        tap.feed(piece)
        if tap.needs_decoding:
            return decoded(b"".join([tap.unread(), *pieces[number + 1 :]]))
    tap.finish()
    return verdict(tap, done=tap.done)


def verdict(told: ReplySummary, *, done: bool) -> Verdict:
    """What it has found."""
    return (
        type(told.error) if told.error else None,
        told.error.code if told.error else None,
        done,
        told.usage if told.error is None else None,
        told.finish_reason,
    )


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of one choice."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def event(item: Any) -> bytes:
    """One event."""
    said = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False, separators=(",", ":"))
    return f"data: {said}\n\n".encode()


def stream(*items: Any) -> bytes:
    """A stream of them."""
    return b"".join(map(event, items))


def text(words: str, **more: Any) -> dict[str, Any]:
    """A chunk of text."""
    return chunk({"content": words}, **more)


def completion(words: str, finish: str | None = None, index: int = 0) -> dict[str, Any]:
    """A chunk of a completion that is no chat."""
    choice = {"index": index, "text": words, "logprobs": None, "finish_reason": finish}
    return {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}


HALVES = b"".join(event(json.dumps(completion("?"))).replace(b"?", half) for half in (rb"\ud83d", rb"\udc4b"))

ROLE = chunk({"role": "assistant", "content": ""})
DONE = "[DONE]"
STOP = chunk({}, "stop")
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
REPORT = {"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": USAGE}
CALL = chunk(
    {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
)
FAILURE = {"error": {"message": "busy", "type": "overloaded_error", "code": None}}
LONG = "word " * 40

COMMENT = b": a comment\n\n"

HAND_MADE: dict[str, bytes] = {
    "nothing": b"",
    "blank": b"\n\n \n",
    "only the mark": stream(DONE),
    "usage": stream(ROLE, text("a"), text("b"), STOP, REPORT, DONE),
    "usage with the reason": stream(ROLE, text("a"), chunk({}, "length", usage=USAGE), DONE),
    "usage in every chunk": stream(
        ROLE, *(text("a", usage={"prompt_tokens": 3, "completion_tokens": i}) for i in range(9)), STOP, DONE
    ),
    "usage null in every chunk": stream(ROLE, text("a", usage=None), text("b", usage=None), STOP, REPORT, DONE),
    "usage behind the reason, and no mark": stream(ROLE, text("a"), text("b"), STOP, REPORT),
    "no mark": stream(ROLE, text("a"), text("b"), chunk({}, "length")),
    "no mark and no blank line": stream(ROLE, text("a"), text("b"), chunk({}, "length")).rstrip(b"\n"),
    "mark without blank line": stream(ROLE, text("a"), text("b"), chunk({}, "length"), DONE).rstrip(b"\n"),
    "neither reason nor mark": stream(ROLE, text("a"), text("b"), text("c")),
    "cut in an event": stream(ROLE, text("a"), text("b"), text("c"))[:-20],
    "cut in the mark": stream(ROLE, text("a"), text("b"), text("c"), DONE)[:-5],
    "reason in the last text": stream(ROLE, text("a"), chunk({"content": "b"}, "length"), DONE),
    "all in one chunk": stream(chunk({"content": "a"}, "length", usage=USAGE), DONE),
    "text behind the reason": stream(ROLE, text("a"), chunk({}, "length"), text("b"), DONE),
    "two reasons": stream(ROLE, text("a"), chunk({}, "length"), STOP, DONE),
    "an unknown reason": stream(ROLE, text("a"), text("b"), chunk({}, "weariness"), DONE),
    "reason error": stream(ROLE, text("a"), text("b"), chunk({}, "error"), DONE),
    "pictures alone": stream(ROLE, chunk({"images": [{"image_url": {"url": "data:,a"}}]}), STOP, DONE),
    "pictures alone, no reason": stream(ROLE, chunk({"images": [{"image_url": {"url": "data:,a"}}]}), DONE),
    "citations alone, no reason": stream(ROLE, chunk(citations=["a"]), DONE),
    "error first": stream(FAILURE, DONE),
    "error behind the role": stream(ROLE, FAILURE),
    "error in mid-stream": stream(ROLE, text("a"), text("b"), FAILURE),
    "error and the mark": stream(ROLE, text("a"), text("b"), FAILURE, DONE),
    "error behind the reason": stream(ROLE, text("a"), STOP, FAILURE, DONE),
    "error behind the mark": stream(ROLE, text("a"), STOP, DONE, FAILURE),
    "error as text": stream(ROLE, text("a"), {"error": "busy"}, DONE),
    "error null": stream(*(item | {"error": None} for item in (ROLE, text("a"), text("b"), STOP, REPORT)), DONE),
    "error null, length": stream(
        *(item | {"error": None} for item in (ROLE, text("a"), text("b"), chunk({}, "length"), REPORT)), DONE
    ),
    "error null, no mark": stream(*(item | {"error": None} for item in (ROLE, text("a"), text("b"), STOP, REPORT))),
    "error null in the report alone": stream(ROLE, text("a"), chunk({}, "length"), REPORT | {"error": None}, DONE),
    "error null in the report alone, no mark": stream(ROLE, text("a"), chunk({}, "length"), REPORT | {"error": None}),
    "event named error": b"%bevent: error\ndata: busy\n\n%b" % (stream(ROLE, text("a")), stream(DONE)),
    "event named error, with an object": b'%bevent: error\ndata: {"message":"busy"}\n\n' % stream(ROLE, text("a")),
    "event named error, data first": b'%bdata: {"message":"busy"}\nevent: error\n\n' % stream(ROLE, text("a")),
    "event named error, without a space": b'%bevent:error\ndata:{"message":"busy"}\n\n' % stream(ROLE, text("a")),
    "vllm's error": stream(ROLE, text("a"), {"object": "error", "message": "busy", "code": 503}, DONE),
    "fastapi's error": stream(ROLE, text("a"), {"detail": "busy"}, DONE),
    "gemini's error": stream(ROLE, text("a"), [{"error": {"code": 429, "message": "busy"}}]),
    "the word error in text": stream(ROLE, text('an "error" is'), text('"error"'), text("error"), STOP, DONE),
    "a text that is the word error": stream(ROLE, text("a"), text("error"), chunk({}, "length"), REPORT, DONE),
    "the mark in text": stream(ROLE, text("say [DONE]"), text("[DONE]"), text("data: [DONE]\n\n"), STOP, DONE),
    "the mark last in text, and no end": stream(ROLE, text("a"), text("[DONE]")),
    "a tool call": stream(ROLE, CALL, STOP, DONE),
    "a tool call behind text": stream(ROLE, text("a"), CALL, STOP, DONE),
    "a tool call, its own reason": stream(ROLE, text("a"), CALL, chunk({}, "tool_calls"), REPORT, DONE),
    "a tool call and no reason": stream(ROLE, text("a"), CALL, DONE),
    "tool calls null": stream(ROLE, chunk({"content": "a", "tool_calls": None}), text("b"), STOP, DONE),
    "tool calls empty": stream(ROLE, *[chunk({"content": "a", "tool_calls": []})] * 3, STOP, DONE),
    "tool calls null everywhere": stream(ROLE, *[chunk({"content": "a", "tool_calls": None})] * 3, STOP, DONE),
    "a function call": stream(ROLE, text("a"), chunk({"function_call": {"name": "f", "arguments": ""}}), STOP, DONE),
    "a refusal": stream(ROLE, chunk({"refusal": "I"}), chunk({"refusal": " can't"}), STOP, DONE),
    "a refusal behind text": stream(ROLE, text("a"), chunk({"refusal": "I can't"}), STOP, DONE),
    "another choice's reason": stream(
        ROLE, text("a"), {"choices": [{"index": 1, "delta": {}, "finish_reason": "length"}]}, STOP, DONE
    ),
    "another choice's reason alone": stream(
        ROLE, text("a"), {"choices": [{"index": 1, "delta": {}, "finish_reason": "length"}]}
    ),
    "numbers as strings": stream(ROLE, text("a"), STOP, REPORT | {"usage": {"prompt_tokens": "3"}}, DONE),
    "usage in parts": stream(
        ROLE, text("a", usage={"prompt_tokens": 3}), text("b"), STOP, REPORT | {"usage": {"completion_tokens": 4}}, DONE
    ),
    "usage in the role": stream(ROLE | {"usage": {"prompt_tokens": 3}}, text("a"), text("b"), STOP, DONE),
    "usage in mid-stream": stream(ROLE, text("a"), text("b", usage=USAGE), *[text(LONG)] * 4, STOP, DONE),
    "a byte order mark": b"\xef\xbb\xbf" + stream(ROLE, text("a"), STOP, DONE),
    "comments": b": hi\n\n" + stream(ROLE, text("a")) + b": hi\n\n" + stream(text("b"), STOP) + b":\n\n" + stream(DONE),
    "blank lines": stream(ROLE, text("a"), text("b"), STOP, DONE).replace(b"\n\n", b"\n\n\n"),
    "many blank lines": stream(ROLE, text("a"), text("b"), STOP, DONE).replace(b"\n\n", b"\n\n\n\n"),
    "an event of two lines": stream(ROLE, text("a")) + b'data: {"choices":[\ndata: ]}\n\n' + stream(STOP, DONE),
    "a page": b"<!DOCTYPE html><p>Just a moment",
    "a whole answer": json.dumps({"choices": [{"message": {"content": "a"}, "finish_reason": "length"}]}).encode(),
    "a whole failure": json.dumps(FAILURE).encode(),
    "other JSON": b'{"status":"ok"}',
    "an empty object": b"{}",
    "a list": b"[]",
    "a completion": stream(
        completion("a"), completion("b"), completion(""), completion("c"), completion("", "stop"), DONE
    ),
    "a completion with halves of a character": stream(completion("a")) + HALVES + stream(completion("b", "stop"), DONE),
    "an empty completion": stream(completion("", "stop"), DONE),
    "a completion without an end": stream(completion("a"), completion("b"), completion("c")),
    "a completion of two texts": stream(completion("a"), completion("b", index=1), completion("", "stop"), DONE),
    "a whole completion": json.dumps(completion("a", "length")).encode(),
    "half a whole answer": b'{"choices":[{"message":{"content":"a"}',
}

for _name, _end in (("CRLF", b"\r\n"), ("CR", b"\r")):
    for _key in ("usage", "no mark", "error in mid-stream", "error null, length", "cut in an event", "a tool call"):
        HAND_MADE[f"{_key}, {_name}"] = HAND_MADE[_key].replace(b"\n", _end)
HAND_MADE["LF, then CRLF"] = stream(ROLE, text("a")) + stream(text("b"), chunk({}, "length"), REPORT, DONE).replace(
    b"\n", b"\r\n"
)
HAND_MADE["LF, then an error behind CRLF"] = stream(ROLE, text("a")) + stream(text("b"), FAILURE).replace(
    b"\n", b"\r\n"
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


def test_content_before_the_end_does_not_hide_it_however_long() -> None:
    ends: list[list[Any]] = [
        [STOP, DONE],
        [chunk({}, "length"), REPORT, DONE],
        [chunk({}, "length", usage=USAGE)],
        [chunk({"content": "word " * 40_000}, "stop"), DONE],
        [chunk({"content": "word " * 40_000}, "length")],
        [REPORT, chunk({"content": LONG}, "length"), DONE],
        [CALL, STOP, DONE],
        [FAILURE],
        [FAILURE, DONE],
        [chunk({}, "length"), REPORT | {"padding": LONG * 8}, DONE],
        [chunk({}, "length"), REPORT, *[": ping"] * 20, DONE],
        [text("cut off here")],
        [chunk({}, "length"), REPORT | {"padding": LONG * 8}],
        [chunk({}, "length"), *[": ping"] * 2000, DONE],
        [chunk({}, "length"), *[": ping"] * 2000],
        [chunk({}, "length", usage=USAGE), *[text(LONG)] * 20, DONE],
    ]
    for last in ends:
        body = stream(ROLE, *[text(f"{number} {LONG}") for number in range(300)], *last)
        assert len(body) > 100_000
        expected = decoded(body)
        for seed in range(10):
            for count in (1, 3, 30, 3000):
                assert tapped(scattered(body, seed, count)) == expected, (last, seed, count)


@pytest.mark.parametrize(
    "said",
    [text("b", usage=USAGE), REPORT, chunk({"content": "b"}, "length"), CALL, chunk({"refusal": "no"})],
    ids=["usage", "a report", "a reason", "a call", "a refusal"],
)
def test_what_was_said_long_before_the_end_is_known(said: dict[str, Any]) -> None:
    body = stream(ROLE, text("a"), said, *[text(LONG)] * 30, STOP, DONE)
    for pieces in (bytewise(body), [event + b"\n\n" for event in body.split(b"\n\n")[:-1]], scattered(body, 1, 60)):
        assert tapped(pieces) == decoded(body)


def test_content_that_looks_like_an_event_is_content_at_every_cut() -> None:
    """What is kept may begin in the middle of an event."""
    fake = "data: [DONE] data: {} data: x event: error"
    body = stream(ROLE, *[text(f"{fake} {LONG}")] * 12, chunk({"content": LONG * 6}, "length"), DONE)
    expected = decoded(body)
    assert expected == (None, None, True, None, "length")
    for pieces in two_way(body):
        assert tapped(pieces) == expected, f"cut at byte {len(pieces[0])}"
    assert tapped(bytewise(body)) == expected


POOL: list[Any] = [
    ROLE,
    text("a"),
    text('"error" [DONE]'),
    text("error"),
    text("[DONE]"),
    text(LONG),
    text("b", usage=USAGE),
    text("c", usage=None),
    text("d", error=None),
    chunk({"reasoning_content": "hm"}),
    chunk({"refusal": "no"}),
    chunk({"content": "e", "tool_calls": None}),
    chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]}),
    STOP,
    chunk({}, "length"),
    chunk({"content": "f"}, "length"),
    REPORT,
    REPORT | {"usage": {"completion_tokens": 9}},
    REPORT | {"error": None},
    FAILURE,
    DONE,
]

bodies = st.builds(
    lambda items, line_end, tail: (b"".join(items) + tail).replace(b"\n", line_end),
    st.lists(st.one_of(st.sampled_from([event(item) for item in POOL]), st.just(COMMENT)), max_size=14),
    st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\r"]),
    st.sampled_from(
        [b"", b"", stream(STOP, DONE), stream(STOP, REPORT, DONE), stream(text("x"))[:-9], b"data: [DONE]"]
    ),
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
        tap = ChatTap()
        for piece in scattered(broken, seed, count):
            tap.feed(piece)
        tap.finish()
        assert tap.done or tap.needs_decoding or tap.error is not None
        read_whole(broken)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_only_whole_events_pass_and_all_of_them_do(line_end: bytes) -> None:
    body = (stream(ROLE, text("a")) + COMMENT + stream(text("b"), STOP, DONE)).replace(b"\n", line_end)
    expected = list(SseReader().feed(body))
    for cut in range(len(body) + 1):
        tap = ChatTap()
        first = tap.feed(body[:cut])
        reader = SseReader()
        assert [*reader.feed(first)] == expected[: len([*SseReader().feed(first)])]
        assert reader.finish() == []
        assert first + tap.feed(body[cut:]) + tap.finish() == body, cut


@pytest.mark.parametrize("name", BODIES)
def test_what_passes_is_what_came_however_it_is_cut(name: str) -> None:
    body = BODIES[name]
    whole = passed([body])
    for pieces in (bytewise(body), *(scattered(body, seed) for seed in range(20))):
        assert passed(pieces) == whole
    # Nothing is added but the end of an answer that had none, and nothing is left out but what stands behind its end.
    kept = whole.removesuffix(b"\n\ndata: [DONE]\n\n").removesuffix(b"\n\n")
    assert body.removeprefix(b"\xef\xbb\xbf").startswith(kept)


def passed(pieces: Sequence[bytes], **options: bool) -> bytes:
    """What passes of pieces that come in one read each, or two by two, or all in one."""
    alone = [[piece] for piece in pieces]
    pairs = [list(pieces[at : at + 2]) for at in range(0, len(pieces), 2)]
    found = [let_through(reads, **options) for reads in (alone, pairs, [list(pieces)])]
    assert found[0] == found[1] == found[2]
    return found[0][0]


def let_through(reads: Sequence[list[bytes]], **options: bool) -> tuple[bytes, Verdict | None]:
    """What passes of these reads, and what is known then; nothing of a body that is no stream."""
    tap = ChatTap(**options)
    data = b"".join([*map(tap.feed_pieces, reads), tap.finish()])
    return (b"", None) if tap.needs_decoding else (data, verdict(tap, done=tap.done))


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize(
    "bad",
    [FAILURE, {"error": "busy"}, chunk({}, "error"), text("b", error={"message": "busy"}), [{"error": {"code": 429}}]],
)
def test_what_stands_before_a_failure_passes_and_nothing_else(bad: Any, line_end: bytes) -> None:
    before = stream(ROLE, text("a"), text("b")).replace(b"\n", line_end)
    body = before + stream(bad, text("c"), DONE).replace(b"\n", line_end)
    events = [event + 2 * line_end for event in body.split(2 * line_end)[:-1]]
    for reads in ([[body]], [[byte] for byte in bytewise(body)], [events]):
        tap = ChatTap()
        assert b"".join([*map(tap.feed_pieces, reads), tap.finish()]) == before
        assert tap.error is not None
        assert tap.committed


def test_an_end_mark_that_was_never_sent_is_added() -> None:
    for name, added in (
        ("no mark", True),
        ("usage", False),
        ("neither reason nor mark", False),
        ("error first", False),
    ):
        assert passed([HAND_MADE[name]]).removeprefix(HAND_MADE[name]).endswith(b"[DONE]\n\n") is added, name
    assert passed([HAND_MADE["no mark and no blank line"]]).endswith(b"}\n\ndata: [DONE]\n\n")
    assert passed([HAND_MADE["mark without blank line"]]) == HAND_MADE["mark without blank line"] + b"\n\n"


def test_a_report_that_nobody_asked_for_is_taken_out_and_read() -> None:
    body = HAND_MADE["usage"]
    for pieces in ([body], bytewise(body)):
        tap = ChatTap(usage_wanted=False)
        assert b"".join(map(tap.feed, pieces)) == stream(ROLE, text("a"), text("b"), STOP, DONE)
        assert tap.usage == Usage(input_tokens=3, output_tokens=4)
    assert passed([HAND_MADE["usage with the reason"]], usage_wanted=False) == HAND_MADE["usage with the reason"]


def test_events_that_no_blank_line_separates_are_separated() -> None:
    items = [ROLE, text("a"), text("b"), STOP, REPORT, DONE]
    run_together = stream(*items).replace(b"\n\n", b"\n")
    assert passed([run_together]) == passed(bytewise(run_together)) == stream(*items)
    one = stream(ROLE, text("a")) + stream(text("b"), text("c")).replace(b"\n\ndata", b"\ndata") + stream(STOP, DONE)
    assert passed([one]) == stream(ROLE, text("a"), text("b"), text("c"), STOP, DONE)
    bare = stream(ROLE, text("a")) + json.dumps(text("b")).encode() + b"\n\n" + stream(STOP, DONE)
    assert [event["choices"] for event in map(json.loads, passed([bare]).split(b"data: ")[1:-1])] == [
        item["choices"] for item in (ROLE, text("a"), text("b"), STOP)
    ]


def test_each_choice_that_began_must_end_if_several_were_asked_for() -> None:
    def other(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {"choices": [{"index": 1, "delta": delta, "finish_reason": finish}]}

    half = stream(ROLE, text("a"), other({"content": "b"}), STOP)
    for pieces in ([half], bytewise(half)):
        tap = ChatTap(every=True)
        assert b"".join([*map(tap.feed, pieces), tap.finish()]) == half
        assert (tap.done, tap.error is None and "none") == (False, False)
    assert passed([half + stream(other({}, "stop"))], every=True).endswith(stream(DONE))
    assert passed([half]).endswith(stream(DONE)), "nobody asked for the other"


def test_an_answer_whose_end_was_rude_is_whole_once_it_has_its_reason() -> None:
    ends: list[tuple[list[Any], bool]] = [([STOP], True), ([STOP, REPORT], True), ([], False)]
    for last, done in ends:
        tap = ChatTap()
        body = stream(ROLE, text("a"), *last)
        said = tap.feed(body + b"data: {") + tap.salvage()
        assert (said, tap.done) == (body + stream(DONE) if done else body, done)


def test_a_lane_is_as_exact_as_the_decoder() -> None:
    """Rows of like events, with one among them that is not: it is seen wherever it stands."""
    odd: list[Any] = [
        chunk({"content": "b", "tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}),
        chunk({"content": "b", "refusal": "no"}),
        chunk({"content": "b"}, "length"),
        text("b", error={"message": "busy"}),
        text("b", usage=USAGE),
        text('say "b"'),
        text("back\\slash\\"),
        text("line\nend"),
        "oops",
        '{"choices":[{"index":0,"delta":{"content":"b"',
        {"choices": "x"},
        {"detail": "busy"},
        {"status": "435", "msg": "no"},
        DONE,
        ": comment",
    ]
    for item in odd:
        for at in range(6):
            row: list[Any] = [text(word) for word in ("one", " two", " three", " four", " five", " six")]
            row[at] = item
            body = stream(ROLE, text("a"), *row, STOP, DONE)
            expected = decoded(body)
            for pieces in ([body], [each + b"\n\n" for each in body.split(b"\n\n")[:-1]], scattered(body, at)):
                assert tapped(pieces) == expected, (item, at)
                assert passed(pieces).startswith(stream(ROLE, text("a"))), (item, at)


def test_content_is_seen_with_its_event_and_not_before() -> None:
    body = stream(ROLE, text("a"), text("b"), STOP, DONE)
    first = len(stream(ROLE, text("a")))
    for cut in range(len(body) + 1):
        tap = ChatTap()
        tap.feed(body[:cut])
        assert tap.committed is (cut >= first), cut


@pytest.mark.parametrize("last", [FAILURE, DONE])
def test_a_failure_and_the_end_mark_are_seen_at_once_at_every_cut(last: Any) -> None:
    body = stream(ROLE, text("a"), text("b"), STOP, last)
    for pieces in (*two_way(body), bytewise(body)):
        tap = ChatTap()
        for piece in pieces:
            tap.feed(piece)
        assert (tap.done, tap.error is None) == ((True, True) if last is DONE else (False, False)), pieces[0]


@pytest.mark.parametrize("name", BODIES)
def test_a_whole_answer_is_judged_as_by_the_decoder(name: str) -> None:
    told = read_whole(BODIES[name])
    assert verdict(told, done=told.error is None) == decoded(BODIES[name])
    assert told.needs_decoding is not BODIES[name].lstrip().startswith((b"{", b"["))


@pytest.mark.parametrize(
    "message",
    [
        {"content": "a"},
        {"content": "a", "refusal": "no"},
        {"content": "a", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]},
        {"content": "a", "tool_calls": []},
        {"content": "a", "function_call": {"name": "f", "arguments": "{}"}},
        {"content": "a", "reasoning_content": "hm"},
        {"content": ""},
        {"content": None, "refusal": "no"},
        {"content": [{"type": "text", "text": "a"}]},
    ],
)
@pytest.mark.parametrize("finish", ["stop", "length", "tool_calls", "content_filter", "eos", "error", None])
def test_a_completion_means_the_same(message: dict[str, Any], finish: str | None) -> None:
    for more in ({}, {"usage": USAGE}, {"usage": None}, {"error": None}, {"error": {"message": "x"}}):
        choice = {"index": 0, "message": message, "finish_reason": finish}
        for choices in ([choice], [choice | {"index": 1}], [choice | {"index": 1}, choice], []):
            body = json.dumps({"id": "c", "choices": choices, **more}, indent=1).encode()
            told = read_whole(body)
            assert verdict(told, done=told.error is None) == decoded(body), body
