"""What a failure says, in whatever form a program before the service has put it. Knows no vendor."""

import re
from typing import Any

from dragoman.errors import BadEventError
from dragoman.wire import json

WORDS = ("message", "msg", "detail", "Message")
"""Where programs put their words; the last is of AWS."""
FIELDS = (*WORDS, "error")
"""The same fields, and one that may hold an object or a list with the words."""
NAME = re.compile(r"\w+(?:\.\w+)*")
"""What may be a field's name among words: "Extra inputs are not permitted" names neither `n` nor `input`."""
DEPTH = 4
"""How many objects and lists may stand around them: gateways wrap what a gateway behind them says."""

EVENT = re.compile(rb"^data:(.*)$", re.MULTILINE)
NO_WORDS = frozenset({"", "<nil>"})
"""What says nothing; programs in Go write the second (liliMozi/openhanako#1667)."""


def word_of(value: object) -> str | None:
    """A code or a type of a failure; None if it says nothing."""
    return value if isinstance(value, str) and value not in NO_WORDS else None


def value_of(body: bytes) -> Any:
    """The JSON in the place of an answer, which some programs write as an event (Chevey339/kelivo#411).

    Raises BadEventError.
    """
    try:
        return json.decode_event(body)
    except BadEventError:
        event = EVENT.search(body)
        if event is None:
            raise
        return json.decode_event(event[1])


def opened(failure: dict[str, Any]) -> dict[str, Any]:
    """`failure` as the program behind said it, if its message is that as JSON: router-for-me/CLIProxyAPI#2016."""
    message = failure.get("message")
    if not isinstance(message, str) or not message.lstrip().startswith("{"):
        return failure
    try:
        value = json.decode_event(message.encode("utf-8", "replace"))
    except BadEventError:
        return failure
    inner = unflagged(value) if isinstance(value, dict) else None
    if not isinstance(inner, dict) or not words_of(inner):
        return failure
    return {name: said for name, said in failure.items() if name != "message"} | inner


def words_of(failure: object, depth: int = DEPTH) -> str:
    """The words of a failure; empty if none are found."""
    match failure:
        case str():
            return failure
        case dict() if depth > 0:
            found = (words_of(failure.get(name), depth - 1) for name in FIELDS)
            return _placed(next((words for words in found if words), ""), failure.get("loc"))
        case list() if failure and depth > 0:
            return words_of(failure[0], depth - 1)
        case _:
            return ""


def _placed(words: str, place: object) -> str:
    """`words`, after the field of the request that they are about: FastAPI says it beside them. Mistral, Jina and many
    programs before models have nothing but "Extra inputs are not permitted" for all fields."""
    if not isinstance(place, list):
        return words
    steps = [str(step) for step in place if isinstance(step, str | int)]
    field = ".".join(steps[1:] if steps[:1] == ["body"] else steps)
    return f"{field}: {words}" if words and field and field not in NAME.findall(words) else words


def unflagged(value: dict[str, Any]) -> object:
    """The field `error`; what stands beside it if it only says that there is one.

    If it is a word, what stands beside it with words of its own, after that one: programs for Node put the status's
    name there, and the reason into `message` (https://fastify.dev/docs/latest/Reference/Errors/).
    """
    error = value.get("error")
    if error is True and any(value.get(name) for name in WORDS):
        return {name: inner for name, inner in value.items() if name != "error"}
    if isinstance(error, str) and error:
        beside = {name: inner for name, inner in value.items() if name != "error"}
        words = words_of(beside)
        if words and words not in error:
            return beside | {"message": words if error in words else f"{error}: {words}"}
    return error
