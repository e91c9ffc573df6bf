"""What one target takes of JSON Schema, and what became of the keywords of one schema. Knows no vendor."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from dragoman.protocols.tools.schema.keywords import HINTS, IDENTIFIERS, MANY, NAMED, ONE, Schema
from dragoman.protocols.tools.schema.words import sentence
from dragoman.types import SchemaLimit, SchemaSupport


class Notes(Struct):
    """See `Target`."""

    wider: int
    same: set[str]
    told: set[str]
    lost: set[str]


class Target:
    """Answers for one schema, and notes what was done, by keyword."""

    def __init__(self, support: SchemaSupport) -> None:
        self.support = support
        self.describes = self.takes("description", 0)
        """Whether words can be said inside of the schema."""
        self.says_nullable = support.keywords is not None and "nullable" in support.keywords
        """Whether OpenAPI's word for null is used."""
        self.wider = 0
        """How often less was demanded than before."""
        self.same: set[str] = set()
        """With the same meaning in another form."""
        self.told: set[str] = set()
        """In words."""
        self.lost: set[str] = set()

    def takes(self, name: str, level: int) -> bool:
        """Whether the keyword may be used in a schema that stands at this level; the root is at 1."""
        depth = self.support.depth
        if depth is not None and level >= depth and (name in ONE or name in MANY or name in NAMED):
            return False
        keywords = self.support.keywords
        return keywords is None or name in keywords

    def has(self, limit: SchemaLimit) -> bool:
        """Whether the target refuses this form."""
        return limit in self.support.limits

    def tell(self, name: str, node: Schema, words: list[str]) -> None:
        """Says in words what a keyword demands."""
        text = sentence(name, node)
        if text == "":
            self.same.add(name)
            return
        if name not in HINTS and name not in IDENTIFIERS:
            self.wider += 1
        if text is None or not self.describes:
            self.lost.add(name)
        else:
            self.told.add(name)
            words.append(text)

    def noted(self, compile_: Callable[[], Any]) -> tuple[Any, Notes]:
        """What `compile_` returns, and its notes, which are not yet added."""
        outer = self.wider, self.same, self.told, self.lost
        self.wider, self.same, self.told, self.lost = 0, set(), set(), set()
        compiled = compile_()
        notes = Notes(self.wider, self.same, self.told, self.lost)
        self.wider, self.same, self.told, self.lost = outer
        return compiled, notes

    def add(self, notes: Notes) -> None:
        """Adds notes."""
        self.wider += notes.wider
        self.same |= notes.same
        self.told |= notes.told
        self.lost |= notes.lost
