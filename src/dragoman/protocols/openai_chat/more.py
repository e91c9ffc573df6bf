"""Fields of a completion that have no canonical value: pictures, sound, citations, probabilities. Read and written.

Each field has a name that shows its place: `citations` is in the completion itself, `choice.logprobs` in the choice,
`message.images` in the message, or in the deltas of a stream.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

CHOICE, MESSAGE = "choice.", "message."
GROWING: dict[str, tuple[type, ...]] = {"message": (str, list), "choice": (list,)}
"""Place of a field to the types whose values grow from chunk to chunk."""
FIXED = frozenset({"channel", "id", "type", "format", "index", "name", "object", "role"})
"""Fields that identify a piece, and do not grow. MiniMax has its name in each delta, Groq the channel of its words."""
NAMES = frozenset(f"{MESSAGE}{name}" for name in FIXED)
"""Those of a message, which are no content of it."""


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


def holds_content(more: Mapping[str, Any]) -> bool:
    """Whether one of the fields is content of the answer, as a picture is, not only information on it."""
    return any(name.startswith(MESSAGE) and name not in NAMES for name in more)


def add_fields(found: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Adds the fields of another chunk.

    Fields of a message are pieces, and grow; of a choice, only lists do. Fields of the completion itself are repeated,
    often in each chunk: of a text the last one holds, and a list grows unless it is repeated from its beginning.
    """
    for name, value in more.items():
        if name in found and name not in NAMES:
            found[name] = _grown(found[name], value, GROWING.get(name.partition(".")[0], ()))
        else:
            found[name] = value


def _grown(before: Any, value: Any, growing: tuple[type, ...]) -> Any:
    match before, value:
        case dict(), dict():
            for name, inner in value.items():
                grows = name in before and name not in FIXED
                before[name] = _grown(before[name], inner, growing) if grows else inner
            return before
        case list(), list():
            if list not in growing and value[: len(before)] == before:
                return value
            before.extend(value)
            return before
        case str(), str() if str in growing:
            return before + value
        case _:
            return value
