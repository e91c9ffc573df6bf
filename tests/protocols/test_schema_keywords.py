"""Schemas with fewer keywords: names are no keywords, and every schema within is reached."""

from typing import Any

import pytest

from dragoman.protocols.schema_keywords import limited

ALLOWED = ("type", "properties", "items", "anyOf", "enum", "required", "$defs", "additionalProperties")

SCHEMAS: list[tuple[Any, Any, set[str]]] = [
    ({"type": "object"}, {"type": "object"}, set()),
    ({"type": "string", "pattern": "a"}, {"type": "string"}, {"pattern"}),
    (
        {"properties": {"pattern": {"type": "string", "format": "date"}}, "required": ["pattern"]},
        {"properties": {"pattern": {"type": "string"}}, "required": ["pattern"]},
        {"format"},
    ),
    ({"items": {"anyOf": [{"minLength": 1}, True]}}, {"items": {"anyOf": [{}, True]}}, {"minLength"}),
    ({"$defs": {"a": {"title": "A"}}, "items": False}, {"$defs": {"a": {}}, "items": False}, {"title"}),
    ({"enum": [{"pattern": 1}]}, {"enum": [{"pattern": 1}]}, set()),
    ({"oneOf": [{"title": "lost with its keyword"}]}, {}, {"oneOf"}),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "expected", "removed"), SCHEMAS)
def test_only_keywords_that_are_allowed_stay(schema: Any, expected: Any, removed: set[str]) -> None:
    found: set[str] = set()
    assert limited(schema, ALLOWED, found) == expected
    assert found == removed
