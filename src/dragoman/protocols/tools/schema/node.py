"""A JSON Schema without references, keyword by keyword, as a target takes it. Knows no vendor."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from dragoman.protocols.tools.schema.combinations import alternatives, distributed, joined, lone, one_of, unwrapped
from dragoman.protocols.tools.schema.keywords import DEFINITIONS, IDENTIFIERS, Schema, mapped
from dragoman.protocols.tools.schema.references import CUT
from dragoman.protocols.tools.schema.target import Notes, Target
from dragoman.protocols.tools.schema.types import constant, nullable, typed
from dragoman.protocols.tools.schema.words import joined_words
from dragoman.types import SchemaSupport

NOTHING = "No value is allowed here."
UNEVALUATED = ("unevaluatedProperties", "unevaluatedItems")
"""They depend on all keywords beside them, so that they stay only if all others do."""


FEW, TIMES = 300, 2
"""Schemas that are compiled for one: FEW, and TIMES as many as it has. Alternatives of alternatives multiply, and two
levels of 16 make 256. Each takes up to 20 µs."""


class NodeCompiler:
    """Compiles one schema, which has `count` inside. What it did is noted in `target`."""

    def __init__(self, support: SchemaSupport, count: int) -> None:
        self.target = Target(support)
        self._known: dict[tuple[int, int], tuple[Any, Any, Notes]] = {}
        """What became of the schemas inside, each with its original: some are tried before they are used."""
        self.words: list[str] = []
        """What the root demands, in words."""
        self._left = FEW + TIMES * count

    def root(self, schema: Schema) -> Schema | None:
        """The compiled schema; None if it would have too many inside. Its words are not in its description."""
        compiled = self._node(schema, 1, self.words)
        if self._left < 0:
            return None
        return compiled if isinstance(compiled, dict) else {}

    def _inner(self, schema: Any, level: int) -> Any:
        compiled, notes = self._noted(schema, level)
        self.target.add(notes)
        return compiled

    def _exact(self, schema: Any, level: int) -> Any:
        """The compiled schema if it takes the same values; None if it would take more."""
        compiled, notes = self._noted(schema, level + 1)
        return None if notes.wider else compiled

    def _noted(self, schema: Any, level: int) -> tuple[Any, Notes]:
        key = id(schema), level
        if key not in self._known:
            self._known[key] = schema, *self.target.noted(lambda: self._described(schema, level))
        return self._known[key][1:]

    def _described(self, schema: Any, level: int) -> Any:
        words: list[str] = []
        compiled = self._node(schema, level, words)
        if words and isinstance(compiled, dict):
            compiled["description"] = joined_words(compiled.get("description", ""), *words)
        if isinstance(compiled, dict) and "anyOf" in compiled and self.target.has("lone-any-of"):
            return lone(self.target, compiled)
        return compiled

    def _node(self, schema: Any, level: int, words: list[str]) -> Any:
        self._left -= 1
        if self._left < 0:
            return {}
        if isinstance(schema, bool):
            return self._boolean(schema, words)
        if not isinstance(schema, dict):
            self.target.lost.add("schema")
            return {}
        node = unwrapped(self.target, joined(self.target, schema, words, level), words, level)
        if node.pop(CUT, False):
            self.target.wider += 1
        if "$ref" in node:
            self.target.wider += 1  # where it leads, something may be told less
        if node.get("nullable") is True:
            self.target.wider += 1  # to JSON Schema the word means nothing, to OpenAPI null
        nullable(self.target, node)
        constant(self.target, node)
        self._condition(node, words, level)
        one_of(self.target, node, words, level, self._exact)
        node = alternatives(self.target, node, words, level)
        typed(self.target, node, words)
        if "anyOf" in node and self.target.has("lone-any-of"):
            node = distributed(self.target, node, words)
        self._together(node, words, level)
        compiled: Schema = {}
        for name in list(node):
            if name == "description":
                if self.target.describes:
                    compiled[name] = node[name]
                else:
                    self.target.lost.add(name)
            elif name in node:
                self._keyword(name, node, compiled, (words, level))
        self._complete(compiled)
        return compiled

    def _keyword(self, name: str, node: Schema, compiled: Schema, at: tuple[list[str], int]) -> None:
        words, level = at
        value = node[name]
        if name in DEFINITIONS or (self.target.takes(name, level) and name not in UNEVALUATED):
            if (
                name == "format"
                and self.target.support.formats is not None
                and value not in self.target.support.formats
            ):
                self.target.tell(name, node, words)
            elif name == "not":
                if (inner := self._exact(value, level)) is not None:
                    compiled[name] = inner
                else:
                    self.target.tell(name, node, words)
            elif name == "additionalProperties" and isinstance(value, bool):
                compiled[name] = value
            else:
                compiled[name] = mapped(name, value, lambda inner: self._inner(inner, level + 1))
        elif name == "title" and self.target.describes:
            self.target.same.add(name)
            if "description" not in node:
                compiled["description"] = value
        elif name in IDENTIFIERS:
            self.target.same.add(name)
        else:
            self.target.tell(name, node, words)

    def _boolean(self, schema: bool, words: list[str]) -> Any:
        if not self.target.has("no-booleans"):
            return schema
        if schema:
            self.target.same.add("true")
            return {}
        self.target.wider += 1
        (self.target.told if self.target.describes else self.target.lost).add("false")
        if self.target.describes:
            words.append(NOTHING)
        return {}

    def _condition(self, node: Schema, words: list[str], level: int) -> None:
        if "if" not in node:
            for name in ("then", "else"):
                if node.pop(name, None) is not None:
                    self.target.same.add(name)
        elif not self.target.takes("if", level) or self._exact(node["if"], level) is None:
            self.target.tell("if", node, words)
            for name in ("if", "then", "else"):
                node.pop(name, None)

    def _together(self, node: Schema, words: list[str], level: int) -> None:
        """Keywords that depend on others: if one of them is not taken, the others would refuse too much."""
        if not self.target.takes("prefixItems", level) and "prefixItems" in node:
            self.target.tell("prefixItems", node, words)
            self._any_item(node, node.pop("prefixItems"))
        for name in ("properties", "patternProperties"):
            if node.get(name) and not self.target.takes(name, level):
                if node.get("additionalProperties", True) is not True:
                    self.target.tell("additionalProperties", node, words)
                node.pop("additionalProperties", None)
        if "contains" in node and not (
            self.target.takes("contains", level)
            and all(self.target.takes(name, level) for name in ("minContains", "maxContains") if name in node)
            and ("maxContains" not in node or self._exact(node["contains"], level) is not None)
        ):
            self.target.tell("contains", node, words)
            for name in ("contains", "minContains", "maxContains"):
                node.pop(name, None)
        for name, bound, step, nearest in (
            ("exclusiveMinimum", "minimum", 1, max),
            ("exclusiveMaximum", "maximum", -1, min),
        ):
            if name in node and not self.target.takes(name, level) and self.target.takes(bound, level):
                self._inclusive(node, (name, bound), (step, nearest), words)

    def _inclusive(
        self,
        node: Schema,
        names: tuple[str, str],
        how: tuple[int, Callable[[Any, Any], Any]],
        words: list[str],
    ) -> None:
        (name, bound), (step, nearest) = names, how
        value = node[name]
        if node.get("type") == "integer":
            self.target.same.add(name)
            value = (math.floor(value) if step > 0 else math.ceil(value)) + step
        else:
            self.target.tell(name, node, words)
        node[bound] = nearest(value, node.get(bound, value))
        del node[name]

    def _any_item(self, node: Schema, first: Sequence[Any]) -> None:
        """Items that may be any of the `first`, or one of the rest."""
        rest = node.pop("items", True)
        if node.get("maxItems", math.inf) <= len(first):
            rest = False  # there is none, as in a tuple of pydantic
        if rest is False:
            node["maxItems"] = min(len(first), node.get("maxItems", len(first)))
        forms: list[Any] = []
        for form in (*first, *([] if rest is False else [rest])):
            if form not in forms:
                forms.append(form)
        if not any(form is True or form == {} for form in forms):
            node["items"] = forms[0] if len(forms) == 1 else {"anyOf": forms}

    def _complete(self, compiled: Schema) -> None:
        """Adds what the target wants to see although it says nothing."""
        is_array = compiled.get("type") == "array" and self.target.takes("items", 0)
        if self.target.has("array-items") and is_array and "items" not in compiled:
            compiled["items"] = {}
        if self.target.has("declared-required") and (required := compiled.get("required")):
            names = compiled.get("properties", {})
            missing: Schema = {name: {} for name in required if name not in names}
            if missing:
                compiled["properties"] = names | missing
                if compiled.get("additionalProperties", True) is not True or "patternProperties" in compiled:
                    self.target.wider += 1
