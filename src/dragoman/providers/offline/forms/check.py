"""Whether a value fits a JSON Schema. Formats, and what is `unevaluated`, are not looked at.

https://json-schema.org/draft/2020-12/json-schema-validation
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from dragoman.protocols.tools.schema.keywords import REFERENCES, Schema, is_of, same, types_of
from dragoman.protocols.tools.schema.references import References
from dragoman.providers.offline.forms.pattern import pattern

MAX_STEPS = 20_000
"""Schemas that are looked at for one value: a third of a second, in which nobody else is served."""

PER_STEP = 20
"""Values that are compared in the time of one step."""


class TooLargeError(Exception):
    """A schema takes more steps than are allowed."""


class Checker:
    """Checks values against one schema and the schemas inside it. `spend` counts each; raises TooLargeError."""

    def __init__(self, references: References) -> None:
        self.references = references
        self._steps = 0

    def spend(self, count: int = 1) -> None:
        """Counts so many schemas."""
        self._steps += count
        if self._steps > MAX_STEPS:
            raise TooLargeError

    def fits(self, value: Any, schema: Any, base: Schema) -> bool:
        """Whether `value` fits. References in `schema` lead from `base`."""
        self.spend()
        if not isinstance(schema, dict):
            return schema is not False
        base = self.references.base(schema, base)
        for name in REFERENCES:
            if name in schema:
                try:
                    target, there = self.references.target(schema[name], base)
                except LookupError:
                    return False
                if not self.fits(value, target, there):
                    return False
                if self.references.old:
                    return True
        if "enum" in schema:
            self.spend(len(schema["enum"]) // PER_STEP)
        if "pattern" in schema and isinstance(value, str) and not self._matches(value, schema["pattern"]):
            return False
        types = types_of(schema)
        if types is not None and not any(is_of(value, name) for name in types):
            return False
        return (
            all(check(value, schema[name]) for name, check in PLAIN.items() if name in schema)
            and self._combined(value, schema, base)
            and (not isinstance(value, list) or self._array(value, schema, base))
            and (not isinstance(value, dict) or self._object(value, schema, base))
        )

    def _matches(self, text: str, source: str) -> bool:
        found = pattern(source)
        return found is not None and found.matches(text, self.spend)

    def property_schemas(self, schema: Schema, name: str) -> list[Any]:
        """The schemas that the property `name` of an object must fit."""
        patterns = schema.get("patternProperties", {})
        self.spend(len(patterns))
        found = [schema["properties"][name]] if name in schema.get("properties", {}) else []
        found += [each for source, each in patterns.items() if self._matches(name, source)]
        return found or [schema.get("additionalProperties", True)]

    def _combined(self, value: Any, schema: Schema, base: Schema) -> bool:
        if not all(self.fits(value, each, base) for each in schema.get("allOf", ())):
            return False
        if "anyOf" in schema and not any(self.fits(value, each, base) for each in schema["anyOf"]):
            return False
        if "oneOf" in schema and sum(self.fits(value, each, base) for each in schema["oneOf"]) != 1:
            return False
        if "not" in schema and self.fits(value, schema["not"], base):
            return False
        if "if" in schema:
            name = "then" if self.fits(value, schema["if"], base) else "else"
            return self.fits(value, schema.get(name, True), base)
        return True

    def _array(self, value: list[Any], schema: Schema, base: Schema) -> bool:
        prefix = schema.get("prefixItems", ())
        rest = schema.get("items", True)
        for i, item in enumerate(value):
            if not self.fits(item, prefix[i] if i < len(prefix) else rest, base):
                return False
        if "contains" in schema:
            count = sum(self.fits(item, schema["contains"], base) for item in value)
            if not schema.get("minContains", 1) <= count <= schema.get("maxContains", count):
                return False
        return True

    def _object(self, value: dict[str, Any], schema: Schema, base: Schema) -> bool:
        for name, inner in value.items():
            if not all(self.fits(inner, each, base) for each in self.property_schemas(schema, name)):
                return False
            if not self.fits(name, schema.get("propertyNames", True), base):
                return False
        if not all(name in value for name in schema.get("required", ())):
            return False
        for name, needed in schema.get("dependentRequired", {}).items():
            if name in value and not all(each in value for each in needed):
                return False
        dependent: Mapping[str, Any] = schema.get("dependentSchemas", {})
        return all(self.fits(value, each, base) for name, each in dependent.items() if name in value)


def is_same(first: Any, second: Any) -> bool:
    """Whether two values are equal, all inside them too."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(is_same(first[name], second[name]) for name in first)
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(is_same, first, second))
    return same(first, second)


def _is_multiple(value: float, step: float) -> bool:
    if step == 0 or not isfinite(value / step):
        return False
    return value % step == 0 if isinstance(value, int) and isinstance(step, int) else (value / step).is_integer()


def _distinct(value: list[Any]) -> bool:
    return not any(is_same(value[i], value[j]) for i in range(len(value)) for j in range(i))


def _of(kind: Any, check: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """`check` for values of one type; all others pass."""
    return lambda value, bound: isinstance(value, bool) or not isinstance(value, kind) or check(value, bound)


PLAIN: dict[str, Callable[[Any, Any], bool]] = {
    "const": is_same,
    "enum": lambda value, values: any(is_same(value, each) for each in values),
    "minimum": _of(int | float, lambda value, bound: value >= bound),
    "maximum": _of(int | float, lambda value, bound: value <= bound),
    "exclusiveMinimum": _of(int | float, lambda value, bound: value > bound),
    "exclusiveMaximum": _of(int | float, lambda value, bound: value < bound),
    "multipleOf": _of(int | float, _is_multiple),
    "minLength": _of(str, lambda value, bound: len(value) >= bound),
    "maxLength": _of(str, lambda value, bound: len(value) <= bound),
    "minItems": _of(list, lambda value, bound: len(value) >= bound),
    "maxItems": _of(list, lambda value, bound: len(value) <= bound),
    "uniqueItems": _of(list, lambda value, bound: bound is not True or _distinct(value)),
    "minProperties": _of(dict, lambda value, bound: len(value) >= bound),
    "maxProperties": _of(dict, lambda value, bound: len(value) <= bound),
}
"""Keywords that hold no schema."""
