"""The top of a tool's JSON Schema as a plain object, without alternatives and conditions. Knows no vendor.

Services refuse `anyOf` and the like there. What all alternatives have in common stays, as one object with the
properties of all; which of them go together is told in words.
"""

from collections.abc import Sequence
from typing import Any

from dragoman.protocols.tools.schema.keywords import HINTS, IDENTIFIERS, REFERENCES, Schema, types_of
from dragoman.protocols.tools.schema.merge import any_of, both
from dragoman.protocols.tools.schema.references import References
from dragoman.protocols.tools.schema.repair import repaired
from dragoman.protocols.tools.schema.words import listed, quoted, sentence

REFUSED = frozenset({"anyOf", "oneOf", "allOf", "enum", "const", "not", *REFERENCES})
"""Keywords that services refuse at the top."""

MAX_LEVELS = 8
"""Schemas inside each other that together are the top."""


def is_plain(schema: Schema) -> bool:
    """Whether nothing is to be done."""
    return schema.get("type") == "object" and "properties" in schema and REFUSED.isdisjoint(schema)


class Flattener:
    """Makes the top plain. What it did is in its sets, by keyword."""

    def __init__(self, references: References) -> None:
        self._references = references
        self.words: list[str] = []
        self.same: set[str] = set()
        """With the same meaning in another form."""
        self.told: set[str] = set()
        """In words."""
        self.lost: set[str] = set()

    def plain(self, schema: Schema) -> Schema:
        """`schema`, which describes an object, as a plain one."""
        flat = self._flat(schema, 0)
        for name in ("const", "enum", "not"):
            if name in flat:
                self._tell(name, sentence(name, flat))
                del flat[name]
        if flat.get("type") != "object":
            flat["type"] = "object"
            self.same.add("type")
        flat.setdefault("properties", {})
        return flat

    def _flat(self, schema: Schema, level: int) -> Schema:
        flat = dict(schema)
        if level > MAX_LEVELS:
            self.lost.update(flat.keys() & REFUSED)
            return {name: value for name, value in flat.items() if name not in REFUSED}
        for name in REFERENCES:
            if name in flat:
                target, _ = self._references.target(flat.pop(name), self._references.root)
                flat["allOf"] = [*flat.get("allOf", ()), target]
                self.same.add(name)
        for branch in flat.pop("allOf", ()):
            self.same.add("allOf")
            if isinstance(branch, dict):
                flat, left, wider = both(flat, self._flat(repaired(branch, self.lost), level + 1))
                if wider:
                    self.lost.add("allOf")
                if left:
                    text = quoted(left)
                    self._tell("allOf", text and f"Must also match the JSON Schema {text}.")
        for name in ("anyOf", "oneOf"):
            if name in flat:
                flat = self._joined(name, flat.pop(name), flat, level)
        return flat

    def _joined(self, name: str, branches: Sequence[Any], common: Schema, level: int) -> Schema:
        needs = [each.get("required") for each in branches if isinstance(each, dict) and _only_requires(each)]
        if needs and len(needs) == len(branches):
            how = "Exactly" if name == "oneOf" else "At least"
            sets = "; or ".join(listed(each, "and") for each in needs if each)
            words = f"{how} one of these sets of properties must be present: {sets}."
            self._tell(name, words if all(needs) else "" if name == "anyOf" else None)
            return common
        aside = self.words
        variants = []
        for branch in branches:
            if branch is True:
                variants.append(common)
            elif isinstance(branch, dict):
                self.words = []
                flat = self._flat(branch, level + 1)
                if "object" in (types_of(flat) or ["object"]):
                    variants.append(both(common, flat)[0])
        self.words = aside
        if len(variants) < 2:
            self.same.add(name)
            return variants[0] if variants else common
        forms = "; or ".join(_form(each) for each in variants)
        self._tell(name, f"The properties go together in one of these forms: {forms}.")
        told = {name: common[name] for name in ("title", "description") if name in common}
        return {name: value for name, value in any_of(variants).items() if name not in {"title", "description"}} | told

    def _tell(self, name: str, words: str | None) -> None:
        if words:
            self.words.append(words)
            self.told.add(name)
        elif words is None:
            self.lost.add(name)
        else:
            self.same.add(name)


def _only_requires(schema: Schema) -> bool:
    return schema.keys() <= HINTS | IDENTIFIERS | {"required", "type"} and "required" in schema


def _form(schema: Schema) -> str:
    """The properties of one alternative; those in brackets may be left out."""
    required = list(schema.get("required", ()))
    names = [name for name in schema.get("properties", {}) if name not in required]
    texts = [listed([name]) for name in required] + [f"[{listed([name])}]" for name in names]
    return ", ".join(texts) or "no properties"
