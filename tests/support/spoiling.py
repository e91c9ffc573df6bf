"""Answers with a field changed, left out or doubled, and the rest as it was."""

import random
from typing import Any

import msgspec

VALUES: tuple[Any, ...] = (
    None,
    "",
    "x",
    "stop",
    0,
    1,
    7,
    -1,
    1.5,
    True,
    [],
    {},
    ["x"],
    [{}],
    [{"type": "x"}],
    {"x": None},
    {"text": "x"},
)
NAMES = ("error", "index", "x", "text", "delta", "usage", "content", "status", "refusal", "done", "message", "detail")


def spoilt(value: Any, rng: random.Random) -> Any:
    """`value` with one of its fields changed."""
    places: list[tuple[Any, Any]] = []
    find_places(value, places)
    if not places:
        return value
    inside, key = rng.choice(places)
    match rng.randrange(4):
        case 0:
            del inside[key]
        case 1 if isinstance(inside, dict):
            inside[rng.choice(NAMES)] = rng.choice(VALUES)
        case 2 if isinstance(inside, list):
            inside.append(inside[key])
        case _:
            inside[key] = rng.choice(VALUES)
    return value


def find_places(value: Any, places: list[tuple[Any, Any]]) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        places.append((value, key))
        find_places(inner, places)


def spoilt_lines(reply: bytes, rng: random.Random) -> bytes:
    """A stream, of which some lines with JSON are spoilt, left out or doubled."""
    lines = reply.splitlines(keepends=True)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(lines))
        begin = lines[at].find(b"{")
        if begin < 0:
            continue
        head, data = lines[at][:begin], lines[at][begin:]
        try:
            value = msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        end = data[len(data.rstrip()) :]
        lines[at] = head + msgspec.json.encode(spoilt(value, rng)) + end
    return b"".join(lines)


def spoilt_json(data: bytes, rng: random.Random) -> bytes:
    """A document with one of its fields changed, or a stream with some of its lines spoilt; others as they are."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return spoilt_lines(data, rng) if b"{" in data else data
    return msgspec.json.encode(spoilt(value, rng))
