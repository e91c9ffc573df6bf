"""What a completion says that has no canonical value: pictures, sound, citations, probabilities. Both ways.

Each field has a name that tells its place: `citations` stands in the completion itself, `choice.logprobs` in the
choice, `message.images` in the message, or in the deltas that it is streamed in.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

CHOICE, MESSAGE = "choice.", "message."


class Placed(Struct, frozen=True):
    """The same fields, each in its place."""

    body: dict[str, Any]
    choice: dict[str, Any]
    message: dict[str, Any]


def placed(more: Mapping[str, Any]) -> Placed:
    """The fields in their places."""
    found = Placed({}, {}, {})
    for name, value in more.items():
        if name.startswith(CHOICE):
            found.choice[name.removeprefix(CHOICE)] = value
        elif name.startswith(MESSAGE):
            found.message[name.removeprefix(MESSAGE)] = value
        else:
            found.body[name] = value
    return found


def gather(found: dict[str, Any], more: dict[str, Any]) -> None:
    """Adds the fields of another chunk. Lists and texts grow, unless they are said again from their beginning."""
    for name, value in more.items():
        found[name] = _grown(found[name], value) if name in found else value


def _grown(before: Any, value: Any) -> Any:
    match before, value:
        case dict(), dict():
            gather(before, value)
            return before
        case (list(), list()) | (str(), str()) if value[: len(before)] == before:
            return value
        case list(), list():
            before.extend(value)
            return before
        case str(), str():
            return before + value
        case _:
            return value
