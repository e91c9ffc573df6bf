"""A file's content as a tree whose nodes can be settled in a ledger. Knows no format and no program."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET, Struct

from dragoman.cli.imports.ledger import Ledger, Verdict
from dragoman.config.faults import WrongError
from dragoman.config.keys import Keys
from dragoman.config.secrets import Sources
from dragoman.config.value_types import Kind, checked
from dragoman.errors import ConfigurationError

MAX_LEAVES = 50_000
"""A YAML file of a few lines can name the same list again and again, and so stand for millions of values."""

MAX_DEPTH = 64
"""Real files have about six levels; a YAML file may contain itself, and so have no end."""

Rule = tuple[Verdict, str]
"""A key's verdict, if its value does not matter, and the words."""

DEEP = f"expected at most {MAX_DEPTH} levels of lists and tables, got more"


class Node(Struct, frozen=True):
    """A value of the file and its place; `value` is UNSET if nothing stands there."""

    value: Any
    path: Keys
    ledger: Ledger

    def __bool__(self) -> bool:
        return self.value is not UNSET

    @property
    def name(self) -> str:
        """The last key of the path."""
        return str(self.path[-1]) if self.path else ""

    def at(self, *names: str) -> "Node":
        """The value under the first of `names` that is there."""
        inner = self.value if isinstance(self.value, dict) else {}
        name = next((name for name in names if name in inner), names[0])
        return Node(inner.get(name, UNSET), (*self.path, name), self.ledger)

    def entries(self) -> Iterator["Node"]:
        """The values of a table; nothing, if this is no table."""
        inner = self.value if isinstance(self.value, dict) else {}
        return (Node(value, (*self.path, name), self.ledger) for name, value in inner.items())

    def items(self) -> Iterator["Node"]:
        """The items of a list; nothing, if this is no list."""
        inner = self.value if isinstance(self.value, list) else []
        return (Node(value, (*self.path, place), self.ledger) for place, value in enumerate(inner))

    def exact(self, words: str) -> None:
        """Settles all from here down."""
        self.ledger.settle(self.path, Verdict.EXACT, words)

    def by_hand(self, words: str) -> None:
        """Settles all from here down."""
        self.ledger.settle(self.path, Verdict.BY_HAND, words)

    def impossible(self, words: str) -> None:
        """Settles all from here down."""
        self.ledger.settle(self.path, Verdict.IMPOSSIBLE, words)

    def judge(self, rules: Mapping[str, Rule]) -> None:
        """Settles the entries of this table that have a rule."""
        for node in self.entries():
            if node.name in rules:
                self.ledger.settle(node.path, *rules[node.name])


def fits(kind: Kind, value: object) -> bool:
    """Whether a setting of `kind` may have `value`, and a file in UTF-8 can hold it."""
    try:
        checked(kind, value, Sources())
    except WrongError:
        return False
    return not isinstance(value, str) or not any("\ud800" <= char <= "\udfff" for char in value)


def tree(data: object) -> Node:
    """The root of the file's content. Raises ConfigurationError: too deep, too large, a key twice."""
    root = _plain(data, [0], 0)
    return Node(root, (), Ledger(_leaves(root, ())))


def _plain(value: object, count: list[int], depth: int) -> object:
    """`value` with text for keys, and lists for all sequences, so that it is a tree."""
    if depth > MAX_DEPTH:
        raise ConfigurationError(DEEP)
    count[0] += 1
    if count[0] > MAX_LEAVES:
        raise ConfigurationError(f"expected at most {MAX_LEAVES} values, got more")
    match value:
        case dict():
            found: dict[str, object] = {}
            for key, inner in value.items():
                name = key if isinstance(key, str) else _spelt(key)
                if name in found:
                    raise ConfigurationError("expected every key once, got two that are spelt alike")
                found[name] = _plain(inner, count, depth + 1)
            return found
        case list() | tuple() | set():
            return [_plain(inner, count, depth + 1) for inner in value]
        case _:
            return value


def _spelt(key: object) -> str:
    """A key that is no text, which only YAML has; Python spells no number of thousands of digits but in hexadecimal."""
    return (hex(key) if isinstance(key, int) and key.bit_length() > LONG else f"{key}")[:LONG]


LONG = 64
"""Bits of a number that is spelt as people do, and characters of a key that is no text."""


def _leaves(value: object, path: Keys) -> Iterator[Keys]:
    match value:
        case dict() if value:
            for name, inner in value.items():
                yield from _leaves(inner, (*path, name))
        case list() if value:
            for place, inner in enumerate(value):
                yield from _leaves(inner, (*path, place))
        case _:
            yield path
