"""Schemas are compiled once, and what is kept has a bound."""

from typing import Any

import pytest

from dragoman.protocols.gemini import GeminiClient
from dragoman.protocols.tools.schema.cache import MAX_BYTES, MAX_ENTRIES, NewSchemaError, SchemaCache, with_known
from dragoman.protocols.tools.schema.compiler import compiled
from dragoman.types import ChatRequest, ModelProfile, SchemaSupport, Tool, user

FEW = SchemaSupport(keywords=frozenset({"type", "properties"}))


def schema(description: str) -> dict[str, Any]:
    return {"type": "object", "properties": {}, "description": description}


def test_the_same_schema_is_compiled_once() -> None:
    schemas = SchemaCache()
    first = schemas.compiled(schema("a"), FEW)
    assert schemas.compiled(schema("a"), FEW) is first
    assert first == compiled(schema("a"), FEW)
    assert schemas.compiled(schema("b"), FEW) is not first


def test_where_only_known_schemas_may_be_asked_for_a_new_one_is_not_compiled() -> None:
    schemas = SchemaCache()
    with pytest.raises(NewSchemaError):
        with_known(schemas.compiled, schema("a"), FEW)
    first = schemas.compiled(schema("a"), FEW)
    assert with_known(schemas.compiled, schema("a"), FEW) is first


def test_each_target_has_its_own() -> None:
    schemas = SchemaCache()
    assert schemas.compiled(schema("a"), FEW).lost == {"description"}
    assert schemas.compiled(schema("a"), SchemaSupport()).lost == set()


def test_a_schema_that_is_not_changed_stays_the_same_object() -> None:
    schemas = SchemaCache()
    for _ in range(2):
        same = {"type": "object", "properties": {"a": {}}}
        assert schemas.compiled(same, FEW).schema is same


def test_what_is_kept_has_a_bound() -> None:
    schemas = SchemaCache()
    for i in range(MAX_ENTRIES + 2):
        schemas.compiled(schema(str(i)), FEW)
    kept = schemas.compiled(schema(str(MAX_ENTRIES + 1)), FEW)
    assert schemas.compiled(schema(str(MAX_ENTRIES + 1)), FEW) is kept
    long = schema("x" * MAX_BYTES)
    assert schemas.compiled(long, FEW) is not schemas.compiled(long, FEW)


def test_calls_share_what_is_known() -> None:
    parameters = {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "string"}}}
    request = ChatRequest(model="m", messages=(user("hi"),), tools=(Tool(name="f", parameters=parameters),))
    first, second = (GeminiClient("http://h").fit(request, ModelProfile()).tools[0] for _ in range(2))
    assert isinstance(first, Tool)
    assert isinstance(second, Tool)
    assert first.parameters != parameters
    assert first.parameters is second.parameters
