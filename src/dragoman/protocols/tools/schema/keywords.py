"""The keywords of JSON Schema, by what they hold. Knows no vendor.

https://json-schema.org/draft/2020-12/json-schema-core#section-10
"""

from collections.abc import Callable, Iterator
from typing import Any

Schema = dict[str, Any]
"""A schema that is an object; true and false are schemas too."""

ONE = frozenset(
    {
        *("items", "additionalItems", "unevaluatedItems", "contains"),
        *("additionalProperties", "unevaluatedProperties", "propertyNames"),
        *("not", "if", "then", "else"),
    }
)
"""Keywords that hold a schema. In older drafts `items` may hold a list of them."""

MANY = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
"""Keywords that hold a list of schemas."""

NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "dependencies"})
"""Keywords that hold an object of schemas, whose keys are names and not keywords."""

DEFINITIONS = frozenset({"$defs", "definitions"})
"""Keywords whose schemas apply only where a reference leads to them."""

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

IDENTIFIERS = frozenset(
    {"$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$comment"}
)
"""Keywords that mean nothing to who writes a value."""

HINTS = frozenset(
    {
        *("title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly"),
        *("propertyOrdering", "discriminator"),
    }
)
"""Keywords that tell of a value and refuse none."""

NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
TEXTS = frozenset({"minLength", "maxLength", "pattern", "contentEncoding", "contentMediaType", "contentSchema"})
ARRAYS = frozenset(
    {
        *("items", "prefixItems", "additionalItems", "unevaluatedItems", "contains", "minContains", "maxContains"),
        *("minItems", "maxItems", "uniqueItems"),
    }
)
OBJECTS = frozenset(
    {
        *("properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames"),
        *("required", "minProperties", "maxProperties", "dependentRequired", "dependentSchemas", "dependencies"),
        *("propertyOrdering",),
    }
)

OF_TYPE: dict[str, frozenset[str]] = {
    "integer": NUMBERS,
    "number": NUMBERS,
    "string": TEXTS,
    "array": ARRAYS,
    "object": OBJECTS,
    "boolean": frozenset(),
    "null": frozenset(),
}
"""The types, each with the keywords that concern its values alone. `format` concerns texts and numbers."""

TYPED = NUMBERS | TEXTS | ARRAYS | OBJECTS


def children(schema: Schema) -> Iterator[Any]:
    """The schemas directly inside of `schema`."""
    for name, value in schema.items():
        if name in ONE and isinstance(value, dict | bool):
            yield value
        elif isinstance(value, list | tuple) and (name in MANY or name == "items"):
            yield from value
        elif isinstance(value, dict) and name in NAMED:
            yield from value.values()


def mapped(name: str, value: Any, change: Callable[[Any], Any]) -> Any:
    """`value` of the keyword `name`, each schema directly inside of it changed."""
    match value:
        case dict() | bool() if name in ONE:
            return change(value)
        case dict() if name in NAMED:
            return {key: change(inner) for key, inner in value.items()}
        case list() | tuple() if name in MANY or name == "items":
            return [change(inner) for inner in value]
        case _:
            return value


def types_of(schema: Schema) -> list[str] | None:
    """The types that `schema` names; None if it names none."""
    said = schema.get("type")
    if isinstance(said, str):
        return [said]
    return list(said) if isinstance(said, list | tuple) else None


def is_of(value: object, name: str) -> bool:
    """Whether a JSON value is of the type `name`."""
    found = type_of(value)
    return found == name or (found == "integer" and name == "number")


def type_of(value: object) -> str:
    """The type of a JSON value."""
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list() | tuple():
            return "array"
        case dict():
            return "object"
        case _:
            return "null"


def same(first: object, second: object) -> bool:
    """Whether two JSON values are equal; in Python true is 1."""
    return first == second and type_of(first) == type_of(second)
