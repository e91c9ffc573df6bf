"""An event of the shape that a tap knows teaches it nothing: it passes as it came, and the tap is as it was."""

import random
import re
from copy import deepcopy
from typing import Any

import pytest

from dragoman.protocols.relay import Tap
from tests.faults.dialects import DIALECTS, reply
from tests.support.readings import tap_of

WORDS = ("Hello there, ", "world", " and ", "others")
TEXT = re.compile(rb'(?<=delta":")[^"]+|(?<=text":")[^"]+|(?<=content":")[^"]+')
INSIDES = (
    *(b"", b" more", b'\\"', b"\\\\", b"\\", b'"', b"\n", b"\r", b"\0", b"\\u00e9", "é".encode(), b"\xff"),
    *(b'","error":"e', b'","refusal":"No.', b'"},"finish_reason":"stop","x":{"y":"', b'"}\n\n{"x":"'),
)


def state(tap: Tap) -> dict[str, Any]:
    """What a tap knows, without what it keeps unread."""
    names = {name for kind in type(tap).__mro__ for name in getattr(kind, "__slots__", ())}
    found = {name: getattr(tap, name) for name in names if hasattr(tap, name)}
    unread = {"_tries", "_observer", "_last", "_latest"}
    return {name: deepcopy(value) for name, value in found.items() if name not in unread}


@pytest.mark.parametrize(("dialect", "padded"), [*((name, False) for name in DIALECTS), ("openai-chat", True)])
def test_an_event_of_the_shape_changes_nothing(dialect: str, padded: bool) -> None:
    tap, fitted = tap_of(dialect), 0
    rng = random.Random(3)
    for usual in reply(dialect, WORDS, stream=True).pieces:
        event = usual.replace(b"}\n\n", b',"obfuscation":"%b"}\n\n' % (b"x" * rng.randrange(9))) if padded else usual
        tap.feed(event)
        if tap.shape is None:
            continue
        for inside in INSIDES:
            other = TEXT.sub(lambda found, inside=inside: inside, event)  # type: ignore[misc]  # bound at once
            cut = rng.randrange(len(other))
            for data in (other, other[:cut], other[cut:], event + other):
                if tap.shape.fits(data, 0, len(data)):
                    before = state(tap)
                    assert tap.feed(data) is data, data
                    assert state(tap) == before, data
                    fitted += 1
    assert fitted > 5


@pytest.mark.parametrize("dialect", DIALECTS)
def test_there_is_no_shape_while_something_is_held_or_all_is_over(dialect: str) -> None:
    tap = tap_of(dialect)
    assert tap.shape is None
    *events, last = reply(dialect, WORDS, stream=True).pieces
    for event in events:
        tap.feed(event)
    half = len(last) // 2
    if not tap.done:
        tap.feed(last[:half])
        assert tap.shape is None
        tap.feed(last[half:])
    tap.finish()
    assert tap.done
    assert tap.shape is None


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "anthropic"])
def test_forms_that_some_events_fit_are_no_tries_in_vain(dialect: str) -> None:
    tap = tap_of(dialect)
    event = b""
    for event in reply(dialect, WORDS, stream=True).pieces:
        tap.feed(event)
        if tap.shape is not None:
            break
    assert tap.shape is not None
    # Fields or values that change with each event, so that each has a form of its own.
    begin, rest = (b'"model":"', b"") if dialect == "ollama" else (b'{"', b'":0,"')
    for number in range(40):
        other = event.replace(begin, begin + b"1%d" % number + rest, 1)
        tap.feed(other)
        assert tap.shape.fits(other, 0, len(other)), number
        tap.passed(other)
    for number in range(40):
        other = event.replace(begin, begin + b"2%d" % number + rest, 1)
        tap.feed(other)
    assert not tap.shape.fits(other, 0, len(other))
