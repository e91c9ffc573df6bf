"""Bytes cut into events, lines, objects and characters: any cut gives the same, and a plain second reading too."""

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from dragoman.errors import BadEventError
from dragoman.wire import json as wire_json
from dragoman.wire.json_array import JsonArrayReader
from dragoman.wire.lines import LineReader
from dragoman.wire.partial_json import PartialJson
from dragoman.wire.sse import SseReader
from dragoman.wire.utf8 import BOM, Utf8Reader
from tests.fuzz.targets.target import SMALL, FuzzTarget, allowed, answers, seed_of
from tests.support.cuts import bytewise, scattered

LINE_END = re.compile(rb"\r\n|\r|\n")
LIMIT = 64
"""Bytes of a line, in a reader that has a limit."""

Event = tuple[bytes, bytes]
"""Name and data."""


def cuts(data: bytes) -> list[list[bytes]]:
    """Some ways to cut `data`."""
    seed = seed_of(data)
    ways = [scattered(data, seed), scattered(data, seed + 1, 3)] if data else []
    return [*ways, bytewise(data)] if len(data) <= SMALL else ways


def sse(data: bytes) -> None:
    """Server-sent events, and what the standard's own steps make of them."""
    whole = read_sse([data])
    for pieces in cuts(data):
        assert read_sse(pieces) == whole
    assert whole == by_the_standard(data)


def read_sse(pieces: Sequence[bytes]) -> list[Event]:
    """Name and data of each event."""
    reader = SseReader()
    found = [event for piece in pieces for event in reader.feed(piece)]
    return [(event.event, event.data) for event in [*found, *reader.finish()] if not event.stray]


def by_the_standard(data: bytes) -> list[Event]:
    """The same by the steps of the standard, and the last event although no blank line ends it.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """
    found: list[Event] = []
    name, held = b"", None
    lines = LINE_END.split(data.removeprefix(BOM))
    for number, line in enumerate(lines):
        if not line and number < len(lines) - 1:
            if held is not None:
                found.append((name, held[:-1]))
            name, held = b"", None
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value
        elif field == b"data":
            held = (held or b"") + value + b"\n"
    return found if held is None else [*found, (name, held[:-1])]


def lines(data: bytes) -> None:
    """Lines, and lines that have a limit."""
    expected = data.split(b"\n")
    for pieces in [[data], *cuts(data)]:
        reader = LineReader()
        assert [line for piece in pieces for line in reader.feed(piece)] + [reader.finish()] == expected
        assert limited_lines(pieces) == limited_lines([data])


def limited_lines(pieces: Sequence[bytes]) -> tuple[list[bytes], bool]:
    """The lines up to one that is too long, and whether there was one."""
    reader, found = LineReader(LIMIT), list[bytes]()
    try:
        for piece in pieces:
            for line in reader.feed(piece):
                assert len(line) <= LIMIT
                found.append(line)
    except BadEventError:
        return found, True
    return found, False


def json_array(data: bytes) -> None:
    """The objects of an array, and those that Python's own reader finds in it."""
    whole = read_array([data])
    for pieces in cuts(data):
        assert read_array(pieces) == whole
    values = plain_json(data)
    if isinstance(values, list) and all(isinstance(each, dict | list) for each in values):
        found, complete = whole
        assert complete
        assert [json.loads(each) for each in found] == values


def read_array(pieces: Sequence[bytes]) -> tuple[list[bytes], bool]:
    """The objects, and whether the array is complete."""
    reader = JsonArrayReader()
    found = [each for piece in pieces for each in reader.feed(piece)]
    return found, reader.complete


def plain_json(data: bytes) -> Any:
    """The value by Python's own reader; None if there is none, or if it has numbers that are no numbers."""
    try:
        return json.loads(data, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None


def refuse(name: str) -> None:
    """Refuses NaN and infinities, which are equal to nothing."""
    raise ValueError(name)


def partial_json(data: bytes) -> None:
    """A value that grows: at its end it is what JSON says, however it was cut."""
    text = data.decode("utf-8", "replace")
    try:
        expected = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        expected = None
    for size in (1, 3, len(text) or 1) if len(text) <= SMALL else (len(text) // 3, len(text)):
        reader = PartialJson()
        for at in range(0, len(text), size):
            reader.feed(text[at : at + size])
        if isinstance(expected, dict | list):
            assert reader.value == expected


def utf8(data: bytes) -> None:
    """Characters, and what Python makes of all bytes at once."""
    expected = data.decode("utf-8", "replace")
    for pieces in [[data], *cuts(data)]:
        reader = Utf8Reader()
        assert "".join([*(reader.feed(piece) for piece in pieces), reader.finish()]) == expected


def strict_json(data: bytes) -> None:
    """A caller's JSON: refused or accepted alike by all that read it; accepted only if Python reads the same."""
    value = allowed(lambda: (wire_json.decode_request(data),))
    checked = allowed(lambda: wire_json.check_request(data))
    if len(data) < SMALL:
        assert (value is None) == (checked is None)
    if value is not None:
        plain = plain_json(data)
        assert plain == value[0]
        wire_json.encode(value[0])


def loose_json(data: bytes) -> None:
    """A service's JSON."""
    allowed(lambda: wire_json.decode_loosely(data))
    value = allowed(lambda: (wire_json.decode_event(data),))
    if value is not None:
        json.dumps(value[0]).encode("utf-8")


TARGETS = {
    "sse": FuzzTarget(sse, answers("anthropic")),
    "lines": FuzzTarget(lines, answers("ollama")),
    "json-array": FuzzTarget(json_array),
    "partial-json": FuzzTarget(partial_json),
    "utf8": FuzzTarget(utf8),
    "strict-json": FuzzTarget(strict_json),
    "loose-json": FuzzTarget(loose_json),
}
