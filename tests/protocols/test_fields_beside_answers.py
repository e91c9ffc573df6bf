"""A field that no answer of a dialect has costs none of it, whatever it holds: decoder and tap agree."""

import json
import re
from typing import Any

import pytest
from bench.dialects import PATHS, stream, tap

from dragoman.protocols.registry import DIALECTS
from dragoman.types import fold
from tests.fuzz.targets.decoders import client_of
from tests.support.cuts import drive
from tests.support.env import fixed_env
from tests.support.readings import REQUEST, read_whole

OBJECT = re.compile(rb"\{.*\}")
EVENT = re.compile(rb".+?(?:\r\n\r\n|\n\n|(?<=\})\n)", re.DOTALL)
TEXTS = (" a", " b", " c")
VALUES: tuple[Any, ...] = (None, "", [], {}, "x", ["x"], [{"msg": "x"}], {"message": "x"}, 0, 1, False, True)
NAMES = (
    *("detail", "errors", "message", "code", "status", "msg", "fault", "success", "error_code", "reason", "object"),
    *("type", "id", "done", "stop", "event", "data", "name", "role", "content", "delta", "usage", "index"),
)
NO_ERROR: tuple[Any, ...] = (None, "", [], {}, 0, False)


def whole(dialect: str) -> dict[str, Any]:
    """A whole answer."""
    events, error = drive(client_of(dialect).decoder(REQUEST), [stream(dialect, TEXTS)])
    assert error is None
    server: Any = DIALECTS[dialect].server
    said: dict[str, Any] = json.loads(server().encode_response(fold(events), REQUEST, fixed_env()).body)
    return said


def text_of(dialect: str, data: bytes) -> str:
    """The text of an answer, or why there is none."""
    events, error = drive(client_of(dialect).decoder(REQUEST), [data])
    return fold(events).text if error is None else f"{error[0].__name__}: {error[1]}"


def fields_for(said: dict[str, Any]) -> list[tuple[str, Any]]:
    """Fields that `said` does not have."""
    odd = [(name, value) for name in NAMES if name not in said for value in VALUES]
    return odd + [("error", value) for value in NO_ERROR]


@pytest.mark.parametrize("dialect", PATHS)
def test_a_whole_answer(dialect: str) -> None:
    said = whole(dialect)
    for name, value in fields_for(said):
        body = json.dumps(said | {name: value}).encode()
        assert text_of(dialect, body) == " a b c", (name, value)
        assert read_whole(dialect, body)[0] is None, (name, value)


@pytest.mark.parametrize("dialect", PATHS)
def test_each_event_of_a_stream(dialect: str) -> None:
    events = EVENT.findall(stream(dialect, TEXTS))
    for i, event in enumerate(events):
        if (found := OBJECT.search(event)) is None:
            continue
        said = json.loads(found[0])
        for name, value in fields_for(said):
            odd = event[: found.start()] + json.dumps(said | {name: value}).encode() + event[found.end() :]
            data = b"".join([*events[:i], odd, *events[i + 1 :]])
            assert text_of(dialect, data) == " a b c", (i, name, value)
            passing = tap(dialect)
            passing.feed(data)
            assert passing.needs_decoding or (passing.finish(), passing.error)[1] is None, (i, name, value)
