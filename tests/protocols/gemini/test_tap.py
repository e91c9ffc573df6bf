"""The tap of a relayed answer: bytes pass as they came, and it learns what the decoder learns."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import BadEventError, TruncatedStreamError
from dragoman.protocols.gemini import NAME, GeminiClient
from dragoman.protocols.gemini.chunk_form import form_of
from dragoman.protocols.gemini.tap import GeminiTap, read_whole
from dragoman.protocols.streams.sse_tap import ENDS
from dragoman.types import ChatRequest, PartStart, ResponseEnd, user
from tests.support.cuts import bytewise, drive, scattered, two_way
from tests.support.golden import Case, cases

CASES = cases(NAME)
CODEC = GeminiClient("https://api.example.org/")
REQUEST = ChatRequest(model="m", messages=(user("x"),))
STREAMS = {name: case for name, case in CASES.items() if case.reply.lstrip().startswith((b"data:", b":"))}
OTHERS = {name: case for name, case in CASES.items() if name not in STREAMS}
SPOILING = {"line-ends", "no-blank-line"}
"""Cases whose bytes do not pass as they came: comments are taken out, a missing end is added."""

END = b"\r\n\r\n"


def event(text: str, more: str = "", count: int = 3) -> bytes:
    """A piece of text, as the service writes it."""
    usage = f'{{"promptTokenCount": 4,"candidatesTokenCount": {count},"totalTokenCount": {4 + count}}}'
    content = f'{{"parts": [{{"text": "{text}"}}],"role": "model"}}'
    candidate = f'{{"content": {content}{more},"index": 0}}'
    head = '"modelVersion": "m","responseId": "r"'
    return f'data: {{"candidates": [{candidate}],"usageMetadata": {usage},{head}}}\r\n\r\n'.encode()


LAST = event("", ',"finishReason": "STOP"', 9)


def passed(tap: GeminiTap, pieces: list[bytes], *, whole: bool = True) -> bytes:
    out = b"".join([tap.feed(piece) for piece in pieces])
    if not (tap.done or tap.error is not None or tap.needs_decoding):
        out += tap.finish() if whole else tap.salvage()
    return out


def learnt(tap: GeminiTap) -> tuple[object, ...]:
    return type(tap.error), str(tap.error), tap.usage, tap.finish_reason, tap.done


def test_what_was_reported_last_is_known_at_every_cut() -> None:
    events = [event(f"word {number}", count=10 + number) for number in range(8)]
    ends = [sum(map(len, events[: number + 1])) for number in range(8)]
    stream = b"".join(events)
    for cut in range(1, len(stream) + 1):
        expected = [10 + number for number, end in enumerate(ends) if end <= cut]
        whole = b"".join(events[: len(expected)])
        for pieces in ([stream[:cut]], bytewise(stream[:cut]), [*events[: len(expected)], stream[len(whole) : cut]]):
            tap = GeminiTap()
            for piece in pieces:
                tap.feed(piece)
            tap.count()
            assert (None if tap.usage is None else tap.usage.output_tokens) == (expected[-1] if expected else None)


@pytest.mark.parametrize("case", STREAMS.values(), ids=STREAMS)
def test_it_learns_what_the_decoder_learns_at_every_cut(case: Case) -> None:
    events, error = drive(CODEC.decoder(REQUEST), [case.reply])
    end = events[-1] if events and isinstance(events[-1], ResponseEnd) else None
    first = GeminiTap()
    out = passed(first, [case.reply])
    assert (first.error is None) == (error is None)
    if error is not None:
        assert (type(first.error), str(first.error)) == error
    if end is not None:
        assert (first.usage, first.finish_reason, first.done) == (end.usage, end.finish_reason, True)
    assert first.committed is (end is not None or any(isinstance(each, PartStart) for each in events))
    for pieces in [*two_way(case.reply), bytewise(case.reply), *(scattered(case.reply, seed) for seed in range(10))]:
        tap = GeminiTap()
        assert passed(tap, pieces) == out
        assert learnt(tap) == learnt(first)


@pytest.mark.parametrize("name", [name for name in STREAMS if name not in SPOILING])
def test_complete_events_pass_as_they_came(name: str) -> None:
    reply, tap = STREAMS[name].reply, GeminiTap()
    out = passed(tap, [reply])
    assert reply.startswith(out)
    if tap.done:
        assert out == reply
    elif tap.committed:
        assert out.endswith(ENDS)
    else:
        assert out == b""


@pytest.mark.parametrize("case", OTHERS.values(), ids=OTHERS)
def test_another_body_is_left_to_the_decoder(case: Case) -> None:
    tap = GeminiTap()
    assert passed(tap, [case.reply]) == b""
    assert tap.needs_decoding or tap.error is not None
    assert tap.unread() == case.reply or tap.error is not None


def test_nothing_passes_before_the_first_content() -> None:
    tap = GeminiTap()
    empty = event("")
    assert tap.feed(empty) == b""
    assert not tap.committed
    assert tap.feed(event("Hi")) == empty + event("Hi")
    assert tap.committed


def test_a_failure_before_content_passes_nothing_and_one_after_it_stops() -> None:
    failure = b'data: {"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}\r\n\r\n'
    tap = GeminiTap()
    assert passed(tap, [failure]) == b""
    assert tap.error is not None
    tap = GeminiTap()
    assert passed(tap, [event("a") + failure + event("b")]) == event("a")
    assert tap.error is not None
    assert tap.error.status == 503


def test_the_end_without_a_reason_to_stop_is_a_cut() -> None:
    tap = GeminiTap()
    assert passed(tap, [event("a"), event("b")]) == event("a") + event("b")
    assert isinstance(tap.error, TruncatedStreamError)
    assert not tap.done


def test_a_transfer_that_breaks_off_after_the_reason_to_stop_brought_the_answer() -> None:
    tap = GeminiTap()
    out = passed(tap, [event("a"), LAST], whole=False)
    assert (out, tap.done, tap.error, tap.finish_reason) == (event("a") + LAST, True, None, "stop")
    tap = GeminiTap()
    passed(tap, [event("a")], whole=False)
    assert not tap.done


def test_rows_of_text_pass_undecoded_as_the_same_bytes() -> None:
    tap = GeminiTap()
    tap.feed(event("a"))
    tap.feed(event("b", count=4))
    row = event("c", count=15) + event('\\"quoted\\"', count=16) + event("ü", count=117)
    assert tap.feed(row) is row
    assert tap.feed_pieces([event("d"), event("e")]) == event("d") + event("e")
    out = tap.feed(event("f") + LAST) + tap.finish()
    assert out == event("f") + LAST
    assert tap.done
    assert tap.usage is not None
    assert tap.usage.output_tokens == 9


@pytest.mark.parametrize(
    "other",
    [
        LAST,
        event("x", ',"finishReason": "SAFETY"'),
        event('x"},{"functionCall": {"name": "f"}},{"text": "'),
        event("x").replace(b'"index": 0', b'"index": 1'),
        event("x").replace(b'"modelVersion": "m"', b'"modelVersion": "n"'),
        event("x").replace(b'"responseId": "r"', b'"responseId": "q"'),
        event("x\\"),
        event("x\ty"),
        event("x") + event("y")[:-5],
        b'data: {"error": {"code": 500}}\r\n\r\n',
    ],
)
def test_a_form_holds_pieces_of_text_alone(other: bytes) -> None:
    known = form_of(event("a"))
    assert known is not None
    assert known.holds(event("b", count=99) + event("c", count=100))
    assert not known.holds(event("b") + other)
    assert known.length(event("b") + other, 0) < len(event("b") + other)


def test_several_candidates_must_all_end() -> None:
    def both(first: str, second: str) -> bytes:
        candidates = [
            f'{{"content":{{"parts":[{{"text":"x"}}]}}{more},"index":{index}}}'
            for index, more in enumerate((first, second))
        ]
        return f'data: {{"candidates":[{",".join(candidates)}]}}\r\n\r\n'.encode()

    stop = ',"finishReason":"STOP"'
    tap = GeminiTap(every=True)
    passed(tap, [both("", ""), both(stop, "")])
    assert isinstance(tap.error, TruncatedStreamError)
    tap = GeminiTap(every=True)
    body = both("", "") + both(stop, "") + both("", stop)
    assert passed(tap, [body]) == body
    assert tap.done


def test_comments_and_the_end_mark_of_others_are_taken_out() -> None:
    tap = GeminiTap()
    out = passed(tap, [b": ping\n\n" + event("a") + b": ping\n\n" + LAST + b"data: [DONE]\n\n"])
    assert out == event("a") + LAST
    assert tap.done


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(st.data())
def test_a_spoilt_answer_fails_as_the_decoder_does(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from(list(STREAMS.values()))).reply)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    if not body:
        return
    _, error = drive(CODEC.decoder(REQUEST), [bytes(body)])
    tap = GeminiTap()
    passed(tap, scattered(bytes(body), data.draw(st.integers(0, 99))))
    if not tap.needs_decoding:
        assert (tap.error is None) == (error is None)


def test_lanes_and_the_decoder_agree_on_long_streams() -> None:
    rng = random.Random(7)
    texts = ["".join(rng.choices('aé"\\\n\t👋', k=rng.randint(0, 9))) for _ in range(300)]

    body = b"".join(event(json.dumps(text)[1:-1], count=i) for i, text in enumerate(texts)) + LAST
    events, error = drive(CODEC.decoder(REQUEST), [body])
    assert error is None
    for seed in range(5):
        tap = GeminiTap()
        assert passed(tap, scattered(body, seed, 60)) == body
        assert isinstance(end := events[-1], ResponseEnd)
        assert (tap.usage, tap.finish_reason) == (end.usage, end.finish_reason)


def test_a_whole_answer_is_read_as_the_decoder_reads_it() -> None:
    summary = read_whole(CASES["whole"].reply)
    assert (summary.finish_reason, summary.error, summary.needs_decoding, summary.empty) == (
        "tool_call",
        None,
        False,
        False,
    )
    assert summary.usage is not None
    assert read_whole(CASES["array"].reply).needs_decoding
    assert read_whole(CASES["text"].reply).needs_decoding
    assert isinstance(read_whole(b'{"choices":[]}').error, BadEventError)
    assert read_whole(b'{"candidates":[{"finishReason":"STOP"}]}').empty


def test_nothing_more_passes_once_the_answer_failed_or_must_be_decoded() -> None:
    for body in (b'data: {"error": {"code": 503, "message": "busy"}}\r\n\r\n', b"[{"):
        tap = GeminiTap()
        assert tap.feed(body) == b""
        assert (tap.finish(), tap.salvage(), tap.done) == (b"", b"", False)


def test_a_failure_in_the_last_event_without_a_blank_line_is_found() -> None:
    tap = GeminiTap()
    tap.feed(event("a"))
    assert tap.feed(b'data: {"error": {"code": 503, "message": "busy"}}') == b""
    assert tap.finish() == b""
    assert "busy" in str(tap.error)


def test_an_entry_that_is_no_candidate_is_passed_over() -> None:
    tap = GeminiTap(every=True)
    body = event("a") + LAST.replace(b'"candidates":[', b'"candidates":[5,').replace(
        b'"candidates": [', b'"candidates": [5,'
    )
    passed(tap, [body])
    assert "expected" in str(tap.error)


def test_a_service_that_writes_each_event_in_another_way_is_read_event_by_event() -> None:
    tap = GeminiTap()
    many = b"".join(event(f"{number}", f',"x{number}": {number}') for number in range(40))
    assert passed(tap, [many, LAST]) == many + LAST
    assert tap.done


@pytest.mark.parametrize("number", ['{"a":1}', "[0]", '"0"', "1.5", "null"])
def test_a_candidate_whose_number_is_none_is_the_first_one(number: str) -> None:
    tap = GeminiTap(every=True)
    odd = [each.replace(b'"index": 0', b'"index": %b' % number.encode()) for each in (event("a"), LAST)]
    assert passed(tap, odd) == b"".join(odd)
    assert (tap.done, tap.error, tap.finish_reason) == (True, None, "stop")


def test_a_call_beside_an_empty_text_is_content() -> None:
    tap = GeminiTap()
    part = b'{"text": "", "functionCall": {"name": "f", "args": {}}}'
    tap.feed(b'data: {"candidates": [{"content": {"parts": [' + part + b']}, "finishReason": "STOP"}]}\r\n\r\n')
    tap.finish()
    assert (tap.error, tap.empty, tap.finish_reason) == (None, False, "tool_call")
