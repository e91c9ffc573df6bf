"""What a service calls the model that answers, read from the beginning of its answer. Knows no dialect."""

from collections.abc import Iterator
from typing import Any

from dragoman.errors import BadEventError
from dragoman.wire import json

LINES = 40
"""The first lines of a stream that are looked at: all dialects say it in one of their first two events."""
MAX_NAME = 200
"""Characters of a name that are kept."""

Places = tuple[tuple[str, ...], ...]
"""Where a dialect's document, or event, may have the name: the keys from the outermost object to it."""


def named_model(data: bytes, places: Places) -> str:
    """The model's name in `data`, a document or whole events or lines from the beginning of a stream; empty if none."""
    for value in _values(data):
        for place in places:
            found = value
            for key in place:
                found = found.get(key) if isinstance(found, dict) else None
            if isinstance(found, str) and found:
                return found[:MAX_NAME]
    return ""


def _values(data: bytes) -> Iterator[Any]:
    for line in (data, *data.split(b"\n", LINES)[:LINES]):
        try:
            yield json.decode_event(line.removeprefix(b"data:"))
        except BadEventError:
            continue
