"""The tap of a relayed answer against the decoder of a translated one: on the same bytes, however cut, they agree.

One difference is allowed: the text of usual lines is not decoded, so that an escape that JSON does not know ends a
translated answer, and passes in a relayed one.
"""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import DragomanError
from dragoman.protocols.ollama.decode_stream import ReplyDecoder
from dragoman.protocols.ollama.relay import OllamaRelay
from dragoman.protocols.ollama.tap import OllamaTap
from dragoman.types import FinishReason, ResponseEnd, ResponseStart, Usage
from tests.support.cuts import bytewise, scattered, two_way
from tests.support.golden import cases

Verdict = tuple[type[DragomanError] | None, str | None, bool, Usage | None, FinishReason | None]
"""Error's class and code, whether the end was seen, usage, reason to stop."""

GOLDEN = {name: case.reply for name, case in cases("ollama").items()}


def line(content: str | None, *, done: bool = False, **more: Any) -> bytes:
    """A line as the service writes it."""
    message = more.pop("message", {"content": content})
    said = {"model": "m", "created_at": "2026-11-21T10:27:15.3Z", "message": {"role": "assistant"} | message}
    return json.dumps(said | {"done": done} | more, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


END = line("", done=True, done_reason="stop", prompt_eval_count=3, eval_count=4)
TEXT = line("a")
CALL = line(None, message={"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]})
ERROR = b'{"error":"busy"}\n'


def said(text: str, *, done: bool = False, **more: Any) -> bytes:
    """A line as the service writes it for `/api/generate`."""
    value = {"model": "m", "created_at": "2026-11-21T10:27:15.3Z", "response": text} | more | {"done": done}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


SAID = said("a")
THE_END = (
    json.dumps(
        json.loads(said("", done=True))
        | {"done_reason": "stop", "context": [7, 8], "prompt_eval_count": 3, "eval_count": 4}
    ).encode()
    + b"\n"
)
PICTURE = (
    b'{"model":"m","created_at":"2026-11-21T10:27:15Z","response":"","done":true,"done_reason":"stop","image":"iVBO"}\n'
)
STEP = b'{"model":"m","created_at":"2026-11-21T10:27:15Z","response":"","done":false,"completed":1,"total":2}\n'

GENERATED: dict[str, bytes] = {
    "text continued": SAID * 3 + THE_END,
    "continued, with thinking": said("", thinking="Hm.") * 2 + SAID * 2 + THE_END,
    "continued, empty": said("") * 2 + THE_END,
    "continued, at length": SAID + json.dumps(json.loads(THE_END) | {"done_reason": "length"}).encode() + b"\n",
    "continued, the marks in text": said('"done":true') + said('{"error"') + said('"},"done":true}\n') + THE_END,
    "continued, escapes": said('\\ " \u2028 \x00 \U0001f600') * 3 + THE_END,
    "continued, error in mid-stream": SAID * 2 + ERROR,
    "continued, error in a line": SAID + said("b", error="busy") + THE_END,
    "continued, no end": SAID * 2,
    "continued, no reason": SAID + said("", done=True),
    "continued, cut in a line": SAID * 2 + SAID[:-9],
    "continued, end without a line end": SAID + THE_END[:-1],
    "continued, logprobs": said("a", logprobs=[{"token": "a", "logprob": -0.5}]) * 2 + THE_END,
    "a picture": STEP * 2 + PICTURE,
    "loaded": THE_END.replace(b'"stop"', b'"load"'),
    "unloaded": THE_END.replace(b'"stop"', b'"unload"'),
}

HAND_MADE: dict[str, bytes] = {
    "nothing": b"",
    "blank": b"\n\n \n",
    "end alone": END,
    "length": TEXT + line("", done=True, done_reason="length", eval_count=1),
    "text in the last line": TEXT + line("b", done=True, done_reason="stop"),
    "one line": line("b", done=True, done_reason="stop"),
    "empty texts first": line("") * 3 + TEXT + END,
    "only empty texts": line("") * 3 + END,
    "thinking": line(None, message={"content": "", "thinking": "Hm."}) * 2 + TEXT + END,
    "thinking alone": line(None, message={"content": "", "thinking": "Hm."}) + END,
    "calls": CALL + CALL + END,
    "text and calls": TEXT + CALL + END,
    "call without a name": TEXT + CALL.replace(b'"f"', b'""') + END,
    "error first": ERROR,
    "error in mid-stream": TEXT + TEXT + ERROR,
    "error after the end": TEXT + END + ERROR,
    "error without a line end": TEXT + ERROR.rstrip(),
    "error as an object": TEXT + b'{"error":{"message":"busy","type":"overloaded_error"}}\n',
    "error null": TEXT + line("b", error=None) + END,
    "error in a line of text": TEXT + line("b", error="busy") + END,
    "the marks in text": line('"done":true') + line('{"error"') + line('"},"done":true}\n') + END,
    "odd spelling": TEXT.replace(b":", b": ") + END.replace(b",", b" , "),
    "no reason": TEXT + line("", done=True),
    "no reason, counted": TEXT + line("", done=True, eval_count=7),
    "no end": TEXT + TEXT,
    "cut in a line": TEXT + TEXT[:-9],
    "cut in the end": TEXT + END[:-9],
    "end without a line end": TEXT + END[:-1],
    "CRLF": (TEXT + TEXT + END).replace(b"\n", b"\r\n"),
    "blank lines": b"\n" + TEXT + b"\n  \n" + TEXT + b"\r\n" + END,
    "spaces first": b"   " + TEXT + b"  " + TEXT + b" " + END,
    "byte order mark": b"\xef\xbb\xbf" + TEXT + END,
    "escapes": line('\\ " \u2028 \x00 \ud83d\ude00'.encode("utf-16", "surrogatepass").decode("utf-16")) * 3 + END,
    "ends with a backslash": line("a\\") * 3 + END,
    "a page": b"<html>\n" + TEXT,
    "junk between": TEXT + b"junk\n" + END,
    "other JSON": b'{"status":"ok"}\n',
    "over several lines": json.dumps(json.loads(END), indent=1).encode(),
}
BODIES = {**GOLDEN, **HAND_MADE, **GENERATED}
each = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)


def decoded(body: bytes) -> Verdict:
    """What the decoder of the slow path finds."""
    decoder = ReplyDecoder()
    events = [*decoder.feed(body), *decoder.finish()]
    end = next((event for event in events if isinstance(event, ResponseEnd)), None)
    error = decoder.error
    return (
        type(error) if error else None,
        error.code if error else None,
        decoder.done,
        end.usage if end else None,
        end.finish_reason if end else None,
    )


def tapped(pieces: Sequence[bytes]) -> tuple[Verdict, bytes]:
    """What the tap finds, fed as the relay feeds it, and what passed."""
    tap = OllamaTap()
    passed = b""
    for number, piece in enumerate(pieces):
        passed += tap.feed(piece)
        if tap.needs_decoding:
            return decoded(b"".join([tap.unread(), *pieces[number + 1 :]])), b""
    passed += tap.finish()
    if tap.needs_decoding:
        return decoded(tap.unread()), b""
    error = tap.error
    told = (type(error) if error else None, error.code if error else None, tap.done, tap.usage, tap.finish_reason)
    return told, passed


@each
def test_tap_and_decoder_agree_at_every_cut(body: bytes) -> None:
    expected, passed = tapped([body])
    assert expected == decoded(body)
    for pieces in [*two_way(body), bytewise(body), *(scattered(body, seed) for seed in range(10))]:
        assert tapped(pieces) == (expected, passed), pieces[0][-20:]


@each
def test_what_passes_is_what_came(body: bytes) -> None:
    (error, _, done, _, _), passed = tapped([body])
    decoder = ReplyDecoder()
    first = [*decoder.feed(body), *decoder.finish()]
    if error is not None and all(isinstance(event, ResponseStart) for event in first):
        assert passed == b""
    again = ReplyDecoder()
    events = again.feed(passed)
    if passed:
        assert [event for event in first if not isinstance(event, ResponseEnd)] == [
            event for event in events if not isinstance(event, ResponseEnd)
        ]
        assert again.done is done
        lines = passed.split(b"\n")
        assert lines.pop() == b""
        assert all(each.strip() in body for each in lines)
        assert all(each.strip() for each in lines)


def test_usual_lines_pass_as_the_object_that_came() -> None:
    tap = OllamaTap()
    tap.feed(TEXT)
    more = TEXT * 5 + line(None, message={"content": "", "thinking": 'Hm "\\".'})
    assert tap.feed(more) is more
    assert tap.feed(b"") == b""
    more = SAID * 5 + said('Hm "\\".', thinking="Hm.") + TEXT
    assert tap.feed(more) is more


def test_nothing_passes_before_the_first_content() -> None:
    tap = OllamaTap()
    assert tap.feed(line("")) == b""
    assert not tap.committed
    assert tap.unread() == line("")
    assert tap.feed(TEXT) == line("") + TEXT


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(data=st.data())
def test_tap_and_decoder_agree_on_spoilt_answers(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from(list(BODIES.values())).filter(bool)))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at : at + data.draw(st.integers(0, 2))] = data.draw(
        st.sampled_from([b'"', b"}", b"\n", b"{", b",", b" ", b"x", b"1", b'","', b"\xff"])
    )
    whole, _ = tapped([bytes(body)])
    assert whole == decoded(bytes(body))
    assert tapped(scattered(bytes(body), at))[0] == whole


@each
def test_a_body_that_broke_off_is_salvaged_if_its_end_is_there(body: bytes) -> None:
    decoder, tap = ReplyDecoder(), OllamaTap()
    decoder.feed(body)
    decoder.salvage()
    tap.feed(body)
    if tap.needs_decoding:
        return
    tap.salvage()
    assert tap.done is decoder.done


@pytest.mark.parametrize(
    ("body", "reason", "empty", "decode"),
    [
        (line("hi", done=True, done_reason="length", eval_count=2), "length", False, False),
        (line("", done=True, done_reason="stop"), "stop", True, False),
        (line("", done=True, done_reason="load"), "other", True, False),
        (TEXT + END, "stop", False, True),
        (said("hi", done=True, done_reason="stop"), "stop", False, False),
        (said("", done=True, done_reason="stop"), "stop", True, False),
        (said("", done=True, done_reason="unload"), "other", True, False),
        (PICTURE, "stop", False, False),
    ],
)
def test_a_whole_answer_is_read(body: bytes, reason: str, empty: bool, decode: bool) -> None:
    told = OllamaRelay("http://h").read(body)
    assert (told.finish_reason, told.empty, told.needs_decoding, told.error) == (reason, empty, decode, None)


def test_a_picture_is_no_empty_answer() -> None:
    tap = OllamaTap()
    assert tap.feed(STEP + PICTURE) == STEP + PICTURE
    assert (tap.done, tap.empty) == (True, False)


def test_a_whole_failure_is_read() -> None:
    told = OllamaRelay("http://h").read(b'{"error":"busy"}')
    assert told.error is not None
    assert "busy" in told.error.message
