"""Regular expressions that many services cannot read: they are told in words. Knows no vendor.

JSON Schema has those of JavaScript. Services check them with Python's `re`, or with less, and refuse all of a request
for one `\\p{L}`: "'^\\p{L}+$' is not a 'regex'".
"""

import re
import warnings
from collections.abc import Mapping
from typing import Any

from dragoman.protocols.tools.schema.keywords import Schema, children, mapped
from dragoman.protocols.tools.schema.words import WITH_MORE, joined_words, sentence

PATTERN, PATTERNS = "pattern", "patternProperties"
CLOSING = ("additionalProperties", "unevaluatedProperties")
"""Keywords that concern the properties whose names no pattern matches: without one they would refuse too much."""

EXACT = frozenset({"not", "if", "oneOf", "contains"})
"""Keywords under which less demanded would be more refused: as a whole they stay, or are told in words."""

ODD = re.compile(r"(?<!\\)(?:\\\\)*\\(?:0|N\{)")
"""What Python reads, but services do not (router-for-me/CLIProxyAPI#6025), or otherwise than JavaScript."""

# Of what a later Python may read otherwise. `catch_warnings` around it would not do: schemas are read in threads, and
# what it changes is the whole program's.
warnings.filterwarnings("ignore", category=FutureWarning, module=re.escape(__name__))

MAX_PATTERN = 4 << 10
"""Characters of an expression that is looked at."""


def is_plain(pattern: str) -> bool:
    """Whether Python can read a regular expression."""
    if len(pattern) > MAX_PATTERN:
        return True
    try:
        re.compile(pattern)
    except FutureWarning:
        pass  # in a program for which warnings are errors
    except (re.error, OverflowError, RecursionError):
        return False
    return ODD.search(pattern) is None


class PatternTeller:
    """Tells the expressions of one schema that are not plain. What it did is in its sets, by keyword."""

    def __init__(self) -> None:
        self.words: list[str] = []
        """What the root demands, in words."""
        self.told: set[str] = set()
        self.lost: set[str] = set()

    def root(self, schema: Any) -> Any:
        """The schema, whose own words are not in its description; the same object if all is plain."""
        return self._plain(schema, self.words) if isinstance(schema, dict) and _has_odd(schema) else schema

    def _inner(self, schema: Any) -> Any:
        if not isinstance(schema, dict):
            return schema
        words: list[str] = []
        found = self._plain(schema, words)
        return found | {"description": joined_words(found.get("description") or "", *words)} if words else found

    def _plain(self, schema: Schema, words: list[str]) -> Schema:
        left = dict(schema)
        for name in schema:
            if name in left and self._is_odd(name, left[name]):
                self._tell(name, left, words)
        found = {name: mapped(name, value, self._inner) for name, value in left.items()}
        return schema if found == schema else found

    def _is_odd(self, name: str, value: Any) -> bool:
        match name:
            case "pattern":
                return _is_odd_pattern(value)
            case "patternProperties":
                return _are_odd_patterns(value)
            case _:
                return name in EXACT and _has_odd({name: value})

    def _tell(self, name: str, schema: Schema, words: list[str]) -> None:
        text = sentence(name, schema)
        (self.lost if text is None else self.told).add(name)
        words.append(text or "")
        for each in WITH_MORE.get(name, (name,)):
            schema.pop(each, None)
        if name == PATTERNS:
            for each in CLOSING:
                if schema.get(each, True) is not True:
                    self._tell(each, schema, words)


def _has_odd(schema: Any) -> bool:
    """Whether an expression in it is not plain. Schemas may be deep, and nearly none has one."""
    left = [schema]
    while left:
        found = left.pop()
        if isinstance(found, dict):
            if _is_odd_pattern(found.get(PATTERN)) or _are_odd_patterns(found.get(PATTERNS)):
                return True
            left += children(found)
    return False


def _is_odd_pattern(value: Any) -> bool:
    return isinstance(value, str) and not is_plain(value)


def _are_odd_patterns(value: Any) -> bool:
    return isinstance(value, Mapping) and not all(map(is_plain, value))
