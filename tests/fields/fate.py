"""What became of one leaf: it arrived, or a name says that it did not, or neither."""

import json
import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from tests.fields.schema import Leaf, Mark

Written = Counter[tuple[str, Any]]
"""The leaves of what was written: the name of the field, and the value."""

NOT_LETTERS = re.compile(r"[^a-z0-9]")
KIND = re.compile(r" \((.+)\)$")
WORDS = re.compile(r"[\w.\[\]$:]+")
STEPS = re.compile(r"[.\[\]=]+")


class Sent(Struct, frozen=True):
    """What a request or an answer became."""

    written: Written
    names: frozenset[str] = frozenset()
    """Names of the losses."""
    refusal: str = ""
    """What the error says, if it was refused."""


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a JSON value; those of JSON within a text too."""
    match value:
        case {} if not value:
            yield name, "{}"
        case dict():
            yield from ((name, each) for each in value if each.startswith("mark"))
            for each, inner in value.items():
                yield from leaves(inner, each)
        case list():
            for inner in value:
                yield from leaves(inner, name)
        case str() if value[:1] in "{[":
            yield name, value
            try:
                yield from leaves(json.loads(value), name)
            except ValueError:
                return
        case _:
            yield name, value


def unwrapped(text: str) -> str:
    """The text that `text`, opaque state of another protocol, has in base64; empty if it is none."""
    mark, found, rest = text.partition("dragomanMark")
    try:
        return b64decode(rest, validate=True).decode() if found and not mark else ""
    except ValueError:
        return ""


def plain(word: object) -> str:
    """A word without case and signs: vendors write `max_tokens`, `maxTokens` and `MAX_TOKENS`."""
    return NOT_LETTERS.sub("", str(word).lower())


def arrived(mark: Mark, field: str, sent: Sent, before: Sent) -> bool:
    """Whether the value is in what was written."""
    match mark.kind:
        case "text":
            coded = b64encode(str(mark.value).encode()).decode().rstrip("=")[:-1]
            texts = [text for _, text in sent.written if isinstance(text, str)]
            return any(mark.value in text or coded in text or mark.value in unwrapped(text) for text in texts)
        case "number":
            said = re.compile(rf"(?<![\d.]){re.escape(str(mark.value))}(?!\d)")
            return any(
                value == mark.value or (isinstance(value, str) and said.search(value))
                for _, value in sent.written - before.written
                if not isinstance(value, bool)
            )
        case "word":
            new = [value for _, value in sent.written - before.written if isinstance(value, str)]
            fields = {(plain(name), plain(value)) for name, value in sent.written if isinstance(value, str)}
            word = plain(mark.value)
            if (plain(field), word) in fields or any(plain(value).endswith(word) for value in new):
                return True
            return "/" in mark.value and any(mark.value in value for value in new)  # a media type, in a URL of data
        case "member":
            return sent.written != before.written
        case "flag":
            return any(plain(name) == plain(field) and value is mark.value for name, value in sent.written)


def field_of(path: str) -> str:
    """The last field of a path."""
    return STEPS.split(path.partition("=")[0].replace(".*", "").strip("]"))[-1]


Place = tuple[str, ...]
"""The steps to a value: `messages`, `0`, `parts` … Which protocol a field is of is no step."""


def values_of(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """The leaves of one of our own values, each with its place."""
    match value:
        case dict():
            if len(place) and place[-1] == "extra":
                for fields in value.values():
                    yield from values_of(fields, place[:-1])
                return
            for name, inner in value.items():
                yield from values_of(inner, (*place, *name.split(".")))
            if not value:
                yield place, None
        case list() | tuple():
            for i, inner in enumerate(value):
                yield from values_of(inner, (*place, str(i)))
        case _:
            yield place, value


def places(mark: Mark, value: Any, without: Any) -> list[Place]:
    """Where the leaf stands in what was read: where its value is found, or else where the two differ."""
    before = dict(values_of(without))
    differing = [(place, said) for place, said in values_of(value) if before.get(place, before) != said]
    if mark.kind in {"text", "number"}:
        found = [place for place, said in differing if str(mark.value) in str(said)]
        found = found or [place for place, _ in differing if str(mark.value) in ".".join(place)]
        if found:
            return found
    return [place for place, _ in differing]


def named(leaf: Leaf, sent: Sent, at: Sequence[Place]) -> bool:
    """Whether a loss or the refusal names the field, or something that it is in."""
    if any(covers(name, place) for name in sent.names for place in at):
        return True
    said = [word.strip(".,:") for word in WORDS.findall(sent.refusal)]
    return any(covers(word, place) for word in said for place in at) or field_of(leaf.path) in {
        word.rpartition(".")[2] for word in said
    }


def covers(name: str, place: Place) -> bool:
    """Whether the loss called `name` is that of `place`, or of something around it."""
    kind = KIND.search(name)
    steps = tuple(step for step in STEPS.split(KIND.sub("", name)) if step)
    if "citations" in steps:
        steps = steps[: steps.index("citations") + 1]  # the name ends with their kind
    if not steps or place[: len(steps)] != steps:
        return False
    return steps[-1] != "parameters" or kind is None or not set(kind[1].split(", ")).isdisjoint(place)


def told_of(leaf: Leaf, sent: Sent, at: Sequence[Place]) -> bool:
    """The same for an answer: its losses name a kind of part, an attribute of one, or a field of any part."""
    if any(covers(name, inner) for name in sent.names for place in at for inner in (place, place[1:])):
        return True
    return field_of(leaf.path) in {word.strip(".,:").rpartition(".")[2] for word in WORDS.findall(sent.refusal)}
