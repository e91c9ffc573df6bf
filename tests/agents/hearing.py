"""What an agent understands of an answer."""

import json
from typing import Any

from msgspec import Struct, field

from tests.matrix.scenes import Json


class Heard(Struct):
    """An answer, and the turn that the agent sends back for it."""

    text: str = ""
    thoughts: str = ""
    calls: list[tuple[str, Json | str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    """One for each call, as the agent names it in the result."""
    finish: str = ""
    usage: Json = field(default_factory=dict)
    turn: list[Json] = field(default_factory=list)


def events(body: bytes) -> list[tuple[str | None, Any]]:
    """The events of a stream: name and data, which is a text if it is no JSON. Raises AssertionError at a comment
    that stands in front of data, which some agents drop together with it."""
    found: list[tuple[str | None, Any]] = []
    text = body.decode().replace("\r\n", "\n")
    assert text.endswith("\n\n"), "the last event has its end"
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line]
        if not lines or all(line.startswith(":") for line in lines):
            continue
        assert not any(line.startswith(":") for line in lines), block
        name = next((line.removeprefix("event: ") for line in lines if line.startswith("event: ")), None)
        (data,) = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        found.append((name, data if data == "[DONE]" else json.loads(data)))
    return found
