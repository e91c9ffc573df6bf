"""Events without a blank line between them are events, in every dialect, on a relay as in a translation."""

import re
from typing import Any

import pytest

from dragoman.errors import OverloadedError
from dragoman.protocols.registry import DIALECTS
from dragoman.protocols.streams.joined_events import is_complete, parted
from dragoman.wire.sse import SseEvent
from tests.faults.dialects import TEXT, hear, reply
from tests.support.cuts import drive
from tests.support.readings import REQUEST, tap_of
from tests.support.relaying import parts

SSE = ("openai-chat", "openai-responses", "anthropic", "gemini")
JOINED = re.compile(rb"data: [^\n]*\n(event: [^\n]*\n)?data: ")
NAME = re.compile(rb"event: [^\n]*\n")


@pytest.mark.parametrize("size", [7, 1 << 20])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("dialect", SSE)
def test_wherever_a_blank_line_is_missing(dialect: str, named: bool, size: int) -> None:
    lines = [piece.replace(b"\r\n", b"\n") for piece in reply(dialect, stream=True).pieces]
    pieces = lines if named else [NAME.sub(b"", piece) for piece in lines]
    expected = _read(dialect, b"".join(pieces))
    bodies = [[piece[:-1] if at == missing else piece for at, piece in enumerate(pieces)] for missing in range(99)]
    for body in map(b"".join, [*bodies[: len(pieces)], [piece[:-1] for piece in pieces]]):
        assert _read(dialect, body) == expected
        tap = tap_of(dialect)
        passed = b"".join(tap.feed(body[at : at + size]) for at in range(0, len(body), size)) + tap.finish()
        assert tap.error is None
        assert _read(dialect, passed) == expected
        assert hear(dialect, passed, stream=True).text == "".join(TEXT)
        assert JOINED.search(passed) is None


def _read(dialect: str, body: bytes) -> tuple[tuple[str, str], ...]:
    client: Any = DIALECTS[dialect].client
    events, error = drive(client("http://h").decoder(REQUEST), [body])
    assert error is None
    return parts(events)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'{"a": 1}\n{"b": 2}', [b'{"a": 1}', b'{"b": 2}']),
        (b'{"a": 1}\n\n [DONE] ', [b'{"a": 1}', b"[DONE]"]),
        (b'{"a":\n1}', [b'{"a":\n1}']),
        (b'{"a": 1}\n{"b": ', [b'{"a": 1}\n{"b": ']),
        (b"two lines\nof words", [b"two lines\nof words"]),
    ],
)
def test_lines_are_events_if_each_is_json(data: bytes, found: list[bytes]) -> None:
    assert [event.data for event in parted(SseEvent(data, b"name"))] == found


def test_the_name_stays_with_the_one_event_that_is_no_end_mark() -> None:
    assert [event.event for event in parted(SseEvent(b'{"a": 1}\n[DONE]', b"error"))] == [b"error", b""]
    assert [event.event for event in parted(SseEvent(b'{"a": 1}\n{"b": 2}', b"error"))] == [b"", b""]


def test_gemini_s_callers_get_no_end_mark() -> None:
    good = reply("gemini", stream=True)
    tap = tap_of("gemini")
    passed = (
        tap.feed(b"".join(piece.replace(b"\r", b"")[:-1] for piece in good.pieces) + b"data: [DONE]\n\n") + tap.finish()
    )
    assert hear("gemini", passed, stream=True).text == "".join(TEXT)
    assert b"DONE" not in passed


def test_an_error_that_is_joined_keeps_its_kind_and_what_came_before_it() -> None:
    client: Any = DIALECTS["anthropic"].client
    good = reply("anthropic", stream=True)
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    at = good.first + 1
    body = b"".join([*good.pieces[: at - 1], good.pieces[at - 1][:-1], error])
    events, failure = drive(client("http://h").decoder(REQUEST), [body])
    ((kind, text),) = parts(events)
    assert (kind, "".join(TEXT).startswith(text), bool(text)) == ("Text", True, True)
    assert failure is not None
    assert failure[0] is OverloadedError


@pytest.mark.parametrize(
    ("data", "complete"),
    [(b'{"a": 1}', True), (b"[DONE]", True), (b'{"a": 1}\n[DONE] \n', True), (b'{"a": 1', False), (b"[DON", False)],
)
def test_knows_whether_the_last_event_is_all_there(data: bytes, complete: bool) -> None:
    assert is_complete(data) is complete
