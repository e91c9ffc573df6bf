"""What a person would read in the bytes of an answer, whatever else is wrong with them. Knows plain JSON only."""

import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

LINE = re.compile(r"\r\n|\r|\n")
REASON = re.compile(rb'"finish_reason": ?"')
FIELDS = frozenset({"content", "refusal", "reasoning_content", "reasoning", "arguments", "text", "thinking"})
"""Names under which words for a person, or for a tool, stand."""
ASIDE = frozenset({"error", "finish_reason", "id", "logprobs", "model", "name", "object", "role", "type", "usage"})
"""Names under which none do."""


class Readable(Struct, frozen=True):
    """`words`: each text, in order. `failures`: the words of what says that it failed. `ended`: why it stopped came."""

    words: tuple[str, ...]
    failures: tuple[str, ...]
    ended: bool


def readable(data: bytes) -> Readable:
    """What is in the bytes, up to the end mark."""
    words: list[str] = []
    failures: list[str] = []
    for value in values(data):
        words += _words(value, named=False)
        failures += _failures(value)
    return Readable(tuple(words), tuple(failures), REASON.search(data) is not None)


def values(data: bytes) -> Iterator[Any]:
    """The JSON of each event up to the end mark, or of the whole body; what is none is left out."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    if text.lstrip().startswith(("{", "[")):
        yield from _loaded(text)
        return
    held: list[str] = []
    for line in [*LINE.split(text), ""]:
        if line.startswith("data:"):
            held.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and held:
            event, held = "\n".join(held), []
            if event.strip() == "[DONE]":
                return
            yield from _loaded(event)


def _loaded(text: str) -> Iterator[Any]:
    try:
        yield json.loads(text)
    except (ValueError, RecursionError):
        return


def _words(value: Any, *, named: bool) -> Iterator[str]:
    match value:
        case str():
            if named and value:
                yield value
        case list():
            for below in value:
                yield from _words(below, named=named)
        case dict():
            # Thoughts have two names, and some services use both at once.
            doubled = {"reasoning"} if not _is_nothing(value.get("reasoning_content")) else set()
            for name, below in value.items():
                if name not in ASIDE | doubled:
                    yield from _words(below, named=named or name in FIELDS)


def _is_nothing(value: Any) -> bool:
    return not value and (isinstance(value, bool) or not isinstance(value, int))


def _failures(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and (error := value.get("error")):
        yield from re.findall(r'"message":\s*"([^"]{4,})"', json.dumps(error))
