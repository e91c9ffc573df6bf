"""Schemas for targets with limits, and for the form of an answer."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from dragoman.protocols.tools.schema.compiler import (
    FEW,
    MAX_TEXT,
    OF_OBJECTS,
    TIMES,
    TOO_MANY,
    CompiledSchema,
    compiled,
    compiled_form,
    compiled_output,
)
from dragoman.providers.profiles import Families
from dragoman.types import SchemaLimit, SchemaSupport
from tests.fuzz.corpus import seeds
from tests.fuzz.targets.decoders import client_of
from tests.fuzz.targets.schemas import SUPPORTS
from tests.protocols.tools.schema.test_compiler import FEW as FEW_WORDS
from tests.protocols.tools.schema.test_compiler import PLAIN, with_property


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"oneOf": [{"required": ["a"]}, {"required": []}]}, {}),
        (
            {"allOf": [{"patternProperties": {"^a": {}}}, {"unevaluatedProperties": False}]},
            {"patternProperties": {"^a": {}}, "unevaluatedProperties": False},
        ),
    ],
)
def test_what_a_plain_object_cannot_say_is_lost_by_name(schema: Any, expected: Any) -> None:
    result = compiled(schema, PLAIN)
    assert result.schema == {"type": "object", "properties": {}} | expected
    assert result.lost == schema.keys()


def test_what_lies_too_deep_at_the_top_is_lost() -> None:
    deep: dict[str, Any] = {"required": ["x"]}
    for _ in range(60):
        deep = {"allOf": [deep]}
    result = compiled(deep, PLAIN)
    assert result.schema == {"type": "object", "properties": {}}
    assert result.lost == {"allOf"}


@pytest.mark.parametrize("broken", [[], {"type": "array"}])
def test_a_broken_schema_is_a_plain_object_where_that_is_needed(broken: Any) -> None:
    result = compiled(broken, PLAIN)
    assert result.schema == {"type": "object", "properties": {}}
    assert result.broken


def test_a_form_whose_references_lead_nowhere_stays_as_it_is() -> None:
    form = with_property({"$ref": "#/gone"})
    assert compiled_form(form, SchemaSupport(keywords=FEW_WORDS)) == CompiledSchema(form)


def test_schemas_that_are_true_or_false_are_said_in_another_way() -> None:
    schema = {"type": "object", "properties": {"a": True, "b": False}}
    limits: frozenset[SchemaLimit] = frozenset({"no-booleans"})
    told = compiled(schema, SchemaSupport(keywords=FEW_WORDS, limits=limits))
    assert told.schema["properties"] == {"a": {}, "b": {"description": "No value is allowed here."}}
    lost = compiled(schema, SchemaSupport(keywords=FEW_WORDS - {"description"}, limits=limits))
    assert lost.schema["properties"] == {"a": {}, "b": {}}
    assert lost.lost == {"false"}


def test_a_property_that_is_only_required_is_declared() -> None:
    limits: frozenset[SchemaLimit] = frozenset({"declared-required"})
    support = SchemaSupport(keywords=FEW_WORDS | {"additionalProperties"}, limits=limits)
    schema = {"type": "object", "properties": {}, "required": ["z"]}
    for more in ({}, {"additionalProperties": False}):
        assert compiled(schema | more, support).schema == schema | more | {"properties": {"z": {}}}


def test_alternatives_that_multiply_are_not_compiled() -> None:
    again = [{"$ref": "", "const": {"minimum": {"type": "integer"}}}, {"$ref": "", "const": 1}]
    schema = {"anyOf": again, "propertyNames": {"properties": {"type": 1.5}}, "not": [], "$ref": "#"}
    support = client_of("openai-chat").takes_schemas(Families().profile_of("gemini-2.5-pro"))
    assert compiled_output(schema, support).broken == TOO_MANY
    assert compiled_form(schema, replace(support, limits=support.limits - OF_OBJECTS)).schema is schema


def test_what_a_compiled_schema_says_is_bounded() -> None:
    for data in seeds("tool-schema"):
        for support in SUPPORTS:
            said = compiled(msgspec.json.decode(data), support).schema
            assert len(msgspec.json.encode(said)) <= max(FEW, min(TIMES * len(data), MAX_TEXT), 2 * len(data))


def test_a_large_definition_may_be_referred_to_many_times() -> None:
    """Its text is in place of each reference, and so there are ten times as many schemas and bytes."""
    fields = {f"field_{number}": {"type": "string", "description": "what it is for"} for number in range(45)}
    names = {f"name_{number}": {"$ref": "#/$defs/all"} for number in range(20)}
    large = {"type": "object", "properties": names, "$defs": {"all": {"type": "object", "properties": fields}}}
    for support in SUPPORTS:
        result = compiled(large, support)
        assert not result.broken
        assert result.schema["properties"].keys() == names.keys()


def test_a_schema_that_is_large_itself_may_stay_so() -> None:
    names = {f"name_{number}": {"type": "string", "description": "what it is for " * 3} for number in range(2500)}
    large = {"type": "object", "properties": names}
    assert len(msgspec.json.encode(large)) > MAX_TEXT
    for support in SUPPORTS:
        found = compiled(large, support)
        assert found.broken is None
        assert found.schema["properties"].keys() == names.keys()
