"""References inside a JSON Schema: where they lead, and the same schema without them. Knows no vendor.

A reference leads to a place (`#/$defs/a`), to an anchor (`#a`), to the beginning (`#`) or to a schema with an `$id`.
Inlining puts a copy in its place. A schema that leads back to itself would have no end, and one that refers to each of
its definitions twice doubles with each: beyond a bound, a reference becomes a schema that takes everything.
"""

import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from dragoman.protocols.tools.schema.keywords import (
    DEFINITIONS,
    HINTS,
    IDENTIFIERS,
    REFERENCES,
    Schema,
    children,
    mapped,
)

CUT = "\0cut"
"""A keyword of our own: the schema stands for a narrower one."""

MAX_REPEATS = 2
"""How often a schema may stand inside of itself. Deeper nesting is rare in arguments, and each level multiplies."""

MAX_REPEATING = 300
"""Schemas after which none stands inside of itself."""

MAX_NESTING = 48
"""Schemas inside each other, below which references are cut. Callers' JSON has at most 64 levels, two to a schema."""

MAX_SCHEMAS = 1_000
"""Schemas that inlining may make of one. The largest tool of a known agent has about 200."""

OLD_DRAFT = re.compile(r"json-schema\.org/draft-0[3-7]/")
"""Until draft 7, what stands beside `$ref` means nothing."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
"""A place in a list (RFC 6901, section 4); Python refuses to read a number of thousands of digits."""
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")


class References:
    """Where the references of one schema lead."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self._index: dict[str, Any] | None = None
        self.count = 0
        """Schemas in it, after `dangling`."""
        self.old = isinstance(said := root.get("$schema"), str) and OLD_DRAFT.search(said) is not None
        """Whether what stands beside a reference means nothing."""

    def target(self, reference: object, base: Schema) -> tuple[Any, Schema]:
        """The schema, and the base of references in it. Raises LookupError if there is none."""
        if not isinstance(reference, str):
            raise LookupError(reference)
        name, _, fragment = reference.partition("#")
        if name:
            base = self._named(name)
        if not fragment:
            return base, base
        if not fragment.startswith("/"):
            return self._named(f"#{fragment}"), base
        found: Any = base
        for step in _ESCAPED.sub(_byte, fragment[1:].encode()).decode("utf-8", "replace").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            found = (
                found[int(key)] if isinstance(found, list | tuple) and _INDEX.fullmatch(key) else _member(found, key)
            )
        if not isinstance(found, dict | bool):
            raise LookupError(reference)
        return found, base

    def base(self, schema: Schema, base: Schema) -> Schema:
        """The base of references inside of `schema`: itself if it has a name of its own."""
        name = schema.get("$id")
        return schema if isinstance(name, str) and not name.startswith("#") else base

    def all(self) -> Iterator[tuple[Any, Schema]]:
        """All references in the schema, each with the base from which it leads."""
        waiting: list[tuple[Any, Schema]] = [(self.root, self.root)]
        self.count = 0
        while waiting:
            schema, base = waiting.pop()
            self.count += 1
            if not isinstance(schema, dict):
                continue
            if "$id" in schema:
                base = self.base(schema, base)
            for name in REFERENCES:
                if name in schema:
                    yield schema[name], base
            waiting.extend((each, base) for each in children(schema))

    def dangling(self) -> str | None:
        """A reference that leads nowhere; None if there is none."""
        for reference, base in self.all():
            try:
                self.target(reference, base)
            except LookupError:
                return str(reference)
        return None

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return next(self.all(), None) is not None

    @property
    def simple(self) -> bool:
        """Whether all lead to definitions, so that what stands elsewhere may be moved."""
        return all(str(reference).startswith(("#/$defs/", "#/definitions/")) for reference, _ in self.all())

    def _named(self, name: str) -> Any:
        if self._index is None:
            self._index = dict(_names(self.root))
        return self._index[name]


def inlined(root: Schema, references: References) -> tuple[Schema, frozenset[str], bool, int]:
    """`root` without references and definitions, the keywords that are gone, and whether a reference had to be cut.

    At the end, how many schemas it has inside.
    """
    inliner = _Inliner(references)
    return inliner.schema(root, root, ()), frozenset(inliner.gone), inliner.cut, inliner.count


class _Inliner:
    def __init__(self, references: References) -> None:
        self._references = references
        self.count = 0
        self.gone: set[str] = set()
        self.cut = False

    def schema(self, schema: Any, base: Schema, trail: tuple[int, ...], level: int = 0) -> Any:
        if not isinstance(schema, dict):
            return schema
        self.count += 1
        base = self._references.base(schema, base)
        said = [name for name in REFERENCES if name in schema]
        self.gone.update(said, schema.keys() & DEFINITIONS)
        rest = {
            name: mapped(name, value, lambda inner: self.schema(inner, base, trail, level + 1))
            for name, value in schema.items()
            if name not in REFERENCES and name not in DEFINITIONS
        }
        for name in said:
            rest = self._joined(rest, self._target(schema[name], base, trail, level))
        return rest

    def _target(self, reference: str, base: Schema, trail: tuple[int, ...], level: int) -> Any:
        target, base = self._references.target(reference, base)
        repeats = trail.count(id(target))
        most = MAX_REPEATING if repeats else MAX_SCHEMAS
        if repeats > MAX_REPEATS or level > MAX_NESTING or self.count > most:
            self.cut = True
            name = reference.rpartition("/")[2].strip("#")
            return {CUT: True, "description": f'The same form as "{name}".' if name else "The same form as the whole."}
        return self.schema(target, base, (*trail, id(target)), level + 1)

    def _joined(self, rest: Schema, target: Any) -> Any:
        told = {name: value for name, value in rest.items() if name in HINTS}
        means = {name: value for name, value in rest.items() if name not in HINTS and name not in IDENTIFIERS}
        if isinstance(target, dict) and (self._references.old or not means):
            return target | told
        return told | {"allOf": [target] if self._references.old else [target, means]}


def _names(root: Schema) -> Iterator[tuple[str, Any]]:
    """The names that schemas have, those of anchors with `#` before them. The first of a name counts."""
    folder = said.rpartition("/")[0] + "/" if isinstance(said := root.get("$id"), str) and "/" in said else ""
    waiting: deque[Any] = deque((root,))
    found: dict[str, Any] = {}
    while waiting:
        schema = waiting.popleft()
        if not isinstance(schema, dict):
            continue
        for keyword in ("$id", "id"):
            if isinstance(name := schema.get(keyword), str):
                found.setdefault(name if name.startswith("#") else name.rstrip("#"), schema)
                found.setdefault(name if "/" in name else folder + name, schema)
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(name := schema.get(keyword), str):
                found.setdefault(f"#{name}", schema)
        waiting.extend(children(schema))
    yield from found.items()


def _member(found: Any, key: str) -> Any:
    if not isinstance(found, dict):
        raise LookupError(key)
    return found[key]


def _byte(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 16)])
