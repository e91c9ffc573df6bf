"""JSON Schema with a limited set of keywords. Knows no vendor."""

from collections.abc import Collection
from typing import Any

SCHEMA = frozenset({"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"})
"""Keywords that hold a schema."""

SCHEMAS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
"""Keywords that hold a list of schemas."""

NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
"""Keywords that hold an object of schemas, whose keys are names and not keywords."""


def limited(schema: Any, allowed: Collection[str], removed: set[str]) -> Any:
    """`schema` with only the `allowed` keywords; those that were left out are added to `removed`.

    https://json-schema.org/draft/2020-12/json-schema-core#section-10
    """
    if not isinstance(schema, dict):
        return schema  # true and false are schemas too
    removed.update(schema.keys() - set(allowed))
    return {name: _value(name, value, allowed, removed) for name, value in schema.items() if name in allowed}


def _value(name: str, value: Any, allowed: Collection[str], removed: set[str]) -> Any:
    match value:
        case dict() if name in SCHEMA:
            return limited(value, allowed, removed)
        case dict() if name in NAMED:
            return {key: limited(inner, allowed, removed) for key, inner in value.items()}
        case list() | tuple() if name in SCHEMAS:
            return [limited(inner, allowed, removed) for inner in value]
        case _:
            return value
