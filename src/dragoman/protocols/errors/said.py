"""What a failure says, in whatever form a program before the service has put it. Knows no vendor."""

import re
from typing import Any

WORDS = ("message", "msg", "detail", "Message")
"""Where programs put their words; the last is of AWS."""
FIELDS = (*WORDS, "error")
"""The same fields, and one that may hold an object or a list with the words."""
NAME = re.compile(r"\w+(?:\.\w+)*")
"""What may be a field's name among words: "Extra inputs are not permitted" names neither `n` nor `input`."""
DEPTH = 4
"""How many objects and lists may stand around them: gateways wrap what a gateway behind them says."""


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
