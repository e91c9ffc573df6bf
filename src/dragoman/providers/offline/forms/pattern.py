"""Regular expressions of schemas: texts that match one, and whether a text does. Knows no schema.

The usual part of the language is read: characters, classes, groups, alternatives, repeats, `^` and `$`. Whether a text
matches is found by following all ways at the same time, and each step is counted by the caller: a pattern that comes
from a stranger may not cost more than is allowed, whereas Python's own matcher may try an exponential number of ways.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from msgspec import Struct

Spend = Callable[[int], None]
"""Counts steps; may raise if they are too many."""

PER_STEP = 20
"""Places in a text that are followed in the time of one step."""

MAX_TEXT = 1024
"""Characters of a text that is made or matched: what a pattern describes is a name, a number, a path."""

MAX_SOURCE = 1024
"""Characters of a regular expression that is read."""

MAX_REPEAT = 1000
"""The largest number in braces that is read; RE2 has the same limit."""

Range = tuple[str, str]


class Characters(Struct, frozen=True):
    """One character of these ranges, or of none of them."""

    ranges: tuple[Range, ...]
    negated: bool = False

    def has(self, character: str) -> bool:
        """Whether `character` is one."""
        return any(low <= character <= high for low, high in self.ranges) != self.negated


class Edge(Struct, frozen=True):
    """The beginning or the end of the text."""

    is_end: bool


class Sequence(Struct, frozen=True):
    """One after the other."""

    nodes: tuple["Node", ...]


class Choice(Struct, frozen=True):
    """One of them."""

    nodes: tuple["Node", ...]


class Repeat(Struct, frozen=True):
    """At least `low` times and at most `high` times."""

    node: "Node"
    low: int
    high: int | None


Node = Characters | Edge | Sequence | Choice | Repeat

DIGITS: tuple[Range, ...] = (("0", "9"),)
WORD: tuple[Range, ...] = (("a", "z"), ("A", "Z"), ("0", "9"), ("_", "_"))
SPACE: tuple[Range, ...] = ((" ", " "), ("\t", "\r"), ("\xa0", "\xa0"))
CLASSES = {"d": DIGITS, "w": WORD, "s": SPACE}
CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "0": "\0"}
USUAL = "aA0 -_.:/@"
"""Characters that are taken if a class has them, the first one first."""

_COUNT = re.compile(r"\{(\d{1,4})(,?)(\d{0,4})\}")
_CODE = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})")


class Pattern:
    """A regular expression. Raises ValueError for what is not read."""

    def __init__(self, source: str) -> None:
        if len(source) > MAX_SOURCE:
            raise ValueError("it is too long")
        self._node = _Reader(source).whole()

    def texts(self, spend: Spend) -> Iterator[str]:
        """Texts that match, from the shortest on."""
        for more in (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64):
            text = _text(self._node, more)
            if text is not None and self.matches(text, spend):
                yield text

    def matches(self, text: str, spend: Spend) -> bool:
        """Whether `text` has a part that matches; a longer one than is looked at has none."""
        return len(text) <= MAX_TEXT and bool(_ends(self._node, text, frozenset(range(len(text) + 1)), spend))


@lru_cache(256)
def pattern(source: str) -> Pattern | None:
    """The pattern; None if it is not read."""
    try:
        return Pattern(source)
    except (ValueError, RecursionError):
        return None


def _text(node: Node, more: int) -> str | None:
    """A text that matches `node`, with up to `more` repeats above the least; None if there is none."""
    match node:
        case Characters():
            ends = [end for pair in node.ranges for end in pair]
            return next((character for character in (*USUAL, *ends, "~", "\u00e9") if node.has(character)), None)
        case Edge():
            return ""
        case Sequence(nodes):
            texts = [_text(each, more) for each in nodes]
            return _limited("".join(text for text in texts if text is not None)) if None not in texts else None
        case Choice(nodes):
            return next((text for each in nodes if (text := _text(each, more)) is not None), None)
        case Repeat(inner, low, high):
            times = low + more if high is None else min(low + more, high)
            text = _text(inner, 0) if times else ""
            return None if text is None or len(text) * times > MAX_TEXT else text * times


def _limited(text: str) -> str | None:
    return text if len(text) <= MAX_TEXT else None


def _ends(node: Node, text: str, starts: frozenset[int], spend: Spend) -> frozenset[int]:
    """Where a match of `node` may end that begins at one of `starts`."""
    spend(1 + len(starts) // PER_STEP)
    match node:
        case Characters():
            return frozenset(start + 1 for start in starts if start < len(text) and node.has(text[start]))
        case Edge(is_end):
            return starts & {len(text) if is_end else 0}
        case Sequence(nodes):
            for each in nodes:
                starts = _ends(each, text, starts, spend)
            return starts
        case Choice(nodes):
            return frozenset().union(*(_ends(each, text, starts, spend) for each in nodes))
        case Repeat():
            return _repeated_ends(node, text, starts, spend)


def _repeated_ends(node: Repeat, text: str, starts: frozenset[int], spend: Spend) -> frozenset[int]:
    found = starts if node.low == 0 else frozenset()
    times = 0
    while starts and (node.high is None or times < node.high):
        times += 1
        ends = _ends(node.node, text, starts, spend)
        if ends == starts:
            return found | ends  # every further repeat leads to the same places
        starts = ends
        if times >= node.low:
            if starts <= found:
                break
            found |= starts
    return found


class _Reader:
    """Reads a regular expression from left to right."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._place = 0

    def whole(self) -> Node:
        node = self._choice()
        if self._place < len(self._source):
            raise ValueError("a group ends that has not begun")
        return node

    def _choice(self) -> Node:
        nodes = [self._sequence()]
        while self._take("|"):
            nodes.append(self._sequence())
        return nodes[0] if len(nodes) == 1 else Choice(tuple(nodes))

    def _sequence(self) -> Node:
        nodes: list[Node] = []
        while self._place < len(self._source) and self._source[self._place] not in "|)":
            nodes.append(self._repeated(self._single()))
        return Sequence(tuple(nodes))

    def _repeated(self, node: Node) -> Node:
        if counted := _COUNT.match(self._source, self._place):
            self._place = counted.end()
            low = int(counted[1])
            high = int(counted[3]) if counted[3] else None if counted[2] else low
            if max(low, high or 0) > MAX_REPEAT or (high is not None and high < low):
                raise ValueError("a repeat that is not read")
            node = Repeat(node, low, high)
        elif self._take("*"):
            node = Repeat(node, 0, None)
        elif self._take("+"):
            node = Repeat(node, 1, None)
        elif self._take("?"):
            node = Repeat(node, 0, 1)
        else:
            return node
        self._take("?")  # whether as few or as many as possible are taken does not change what matches
        return node

    def _single(self) -> Node:
        character = self._next()
        match character:
            case "^" | "$":
                return Edge(character == "$")
            case ".":
                return Characters((("\n", "\n"), ("\r", "\r")), negated=True)
            case "[":
                return self._class()
            case "(":
                return self._group()
            case "\\":
                found = self._escape()
                return found if isinstance(found, Characters) else Characters(((found, found),))
            case "*" | "+" | "?":
                raise ValueError("a repeat of nothing")
            case _:
                return Characters(((character, character),))

    def _group(self) -> Node:
        if self._take("?") and not self._take(":"):
            named = re.compile(r"P?<(?![=!])\w+>").match(self._source, self._place)
            if named is None:
                raise ValueError("a group that looks around is not read")
            self._place = named.end()
        node = self._choice()
        if not self._take(")"):
            raise ValueError("a group without an end")
        return node

    def _escape(self) -> Characters | str:
        character = self._next()
        if character.lower() in CLASSES:
            return Characters(CLASSES[character.lower()], negated=character.isupper())
        if character in CONTROLS:
            return CONTROLS[character]
        if code := _CODE.match(self._source, self._place - 1):
            self._place = code.end()
            return chr(int(code[1] or code[2], 16))
        if character.isalnum():
            raise ValueError("an escape that is not read")
        return character

    def _class(self) -> Characters:
        negated = self._take("^")
        ranges: list[Range] = []
        while not self._take("]"):
            low = self._member()
            if isinstance(low, Characters):
                if low.negated:
                    raise ValueError("a class that excludes inside of a class is not read")
                ranges += low.ranges
                continue
            high: Characters | str = low
            if self._source[self._place : self._place + 1] == "-" and self._source[
                self._place + 1 : self._place + 2
            ] not in {"]", ""}:
                self._place += 1
                high = self._member()
            if isinstance(high, Characters) or high < low:
                raise ValueError("a range that is not read")
            ranges.append((low, high))
        return Characters(tuple(ranges), negated)

    def _member(self) -> Characters | str:
        character = self._next()
        return self._escape() if character == "\\" else character

    def _take(self, character: str) -> bool:
        if self._source[self._place : self._place + 1] != character:
            return False
        self._place += 1
        return True

    def _next(self) -> str:
        if self._place >= len(self._source):
            raise ValueError("it ends too early")
        self._place += 1
        return self._source[self._place - 1]
