"""Compiled schemas keep their meaning: arguments that were valid stay valid, whatever the target takes.

And the other way round, if only the form was changed: what was refused is refused.
"""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, validator_for

from dragoman.protocols.tools.schema.compiler import compiled
from dragoman.protocols.tools.schema.keywords import DEFINITIONS, NAMED, children
from dragoman.protocols.tools.schema.root import REFUSED
from dragoman.providers.profiles import GEMINI_FORMATS, GEMINI_LIMITS, GEMINI_SCHEMA, OPENAI_LIMITS
from dragoman.types import SchemaLimit, SchemaSupport
from tests.protocols.tools.schema.corpus import CORPUS, Schema
from tests.protocols.tools.schema.values import values

LIMITS: tuple[SchemaLimit, ...] = (
    *("single-type", "string-enums", "lone-any-of", "no-booleans", "plain-root", "array-items", "declared-required"),
    *("references", "old-drafts"),
)
KEYWORDS = (
    *("type", "enum", "const", "anyOf", "oneOf", "allOf", "not", "if", "then", "else", "$ref", "$defs", "definitions"),
    *("properties", "required", "additionalProperties", "patternProperties", "propertyNames", "dependentRequired"),
    *("dependentSchemas", "unevaluatedProperties", "items", "prefixItems", "contains", "minContains", "maxContains"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "pattern", "format", "nullable"),
    *("description", "default", "title", "minItems", "maxItems", "uniqueItems"),
)


def any_target(seed: int) -> SchemaSupport:
    """A target that takes some keywords and refuses some forms."""
    chance = random.Random(seed)
    return SchemaSupport(
        keywords=frozenset(name for name in KEYWORDS if chance.random() < 0.6) | {"type", "properties"},
        formats=frozenset({"date-time"}) if chance.random() < 0.5 else None,
        limits=frozenset(name for name in LIMITS if chance.random() < 0.4),
        depth=chance.choice([None, None, 2, 4]),
    )


TARGETS: dict[str, SchemaSupport] = {
    "plain root": SchemaSupport(limits=frozenset({"plain-root"})),
    "OpenAI": SchemaSupport(limits=frozenset(OPENAI_LIMITS)),
    "OpenAPI": SchemaSupport(
        keywords=frozenset(GEMINI_SCHEMA), formats=frozenset(GEMINI_FORMATS), limits=frozenset(GEMINI_LIMITS)
    ),
    "some of JSON Schema": SchemaSupport(
        keywords=frozenset(
            {
                *("type", "format", "title", "description", "enum", "items", "prefixItems", "minItems", "maxItems"),
                *("minimum", "maximum", "anyOf", "properties", "additionalProperties", "required", "$id", "$anchor"),
            }
        ),
        limits=frozenset({"plain-root"}),
    ),
    "few keywords": SchemaSupport(
        keywords=frozenset({"type", "description", "enum", "items", "properties", "required", "anyOf"}),
        limits=frozenset({"plain-root", "no-booleans"}),
    ),
    "no alternatives": SchemaSupport(keywords=frozenset({"type", "properties", "items", "required", "enum"})),
    "with references": SchemaSupport(
        keywords=frozenset(KEYWORDS) - {"const", "if", "then", "else", "patternProperties", "exclusiveMinimum"},
        limits=frozenset({"plain-root"}),
    ),
    "single types": SchemaSupport(limits=frozenset({"single-type", "string-enums", "lone-any-of"})),
    "flat": SchemaSupport(depth=2),
    "nothing": SchemaSupport(keywords=frozenset()),
    **{f"target {seed}": any_target(seed) for seed in range(12)},
}


def judge(schema: Schema) -> Validator:
    return validator_for(schema, default=Draft202012Validator)(schema)


def in_json_schema(schema: Any) -> Any:
    """A compiled schema with OpenAPI's word for null as JSON Schema says it."""
    if isinstance(schema, list):
        return [in_json_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    new = {
        name: {key: in_json_schema(inner) for key, inner in value.items()}
        if name in NAMED and isinstance(value, dict)
        else value
        if name in {"enum", "const", "default"}
        else in_json_schema(value)
        for name, value in schema.items()
    }
    return {"anyOf": [{"type": "null"}, new]} if schema.get("nullable") is True else new


def schemas_in(schema: Any, level: int = 1) -> Iterator[tuple[Schema, int]]:
    if isinstance(schema, dict):
        yield schema, level
        for each in children(schema):
            yield from schemas_in(each, level + 1)


@pytest.fixture(scope="module")
def valid() -> dict[str, list[Any]]:
    """Valid arguments for each schema."""
    return {
        name: [each for each in values(schema, 60) if judge(schema).is_valid(each)] for name, schema in CORPUS.items()
    }


def test_the_corpus_is_large_enough_and_nearly_each_schema_has_valid_arguments(valid: dict[str, list[Any]]) -> None:
    assert len(CORPUS) >= 200
    assert sum(len(each) >= 3 for each in valid.values()) >= 0.85 * len(CORPUS)


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_valid_stays_valid(target: str, valid: dict[str, list[Any]]) -> None:
    wrong = []
    for name, schema in CORPUS.items():
        result = compiled(schema, TARGETS[target])
        assert result.broken is None, name
        after = judge(in_json_schema(result.schema))
        wrong += [(name, each, result.schema) for each in valid[name] if not after.is_valid(each)][:1]
    assert wrong == []


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_refused_is_refused_if_only_the_form_changed(target: str) -> None:
    wrong, seen = [], 0
    for name, schema in CORPUS.items():
        result = compiled(schema, TARGETS[target])
        if result.told or result.lost:
            continue
        before, after = judge(in_json_schema(schema)), judge(in_json_schema(result.schema))
        for each in values(schema, 60):
            if not before.is_valid(each):
                seen += 1
                if after.is_valid(each):
                    wrong.append((name, each, result.schema))
                    break
    assert wrong == []
    assert seen > 0 or target in {"nothing"}


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_left_that_the_target_refuses(target: str) -> None:
    support = TARGETS[target]
    results = {name: compiled(schema, support).schema for name, schema in CORPUS.items()}
    assert [(name, each, result) for name, result in results.items() for each in breaches(result, support)] == []


def breaches(root: Schema, support: SchemaSupport) -> Iterator[str]:
    """What a target with this support would refuse."""
    limits = support.limits
    if "plain-root" in limits and (root.get("type") != "object" or not REFUSED.isdisjoint(root)):
        yield "root"
    for schema, level in schemas_in(root):
        if support.keywords is not None:
            yield from schema.keys() - support.keywords - (DEFINITIONS if "$ref" in support.keywords else frozenset())
        if any(name.startswith("\0") for name in schema):
            yield "mark"
        if support.depth is not None and level > support.depth and schema and "$defs" not in root:
            yield "depth"
        if support.formats is not None and schema.get("format", "date-time") not in support.formats:
            yield "format"
        if "single-type" in limits and isinstance(schema.get("type"), list):
            yield "types"
        if "string-enums" in limits and not all(
            (isinstance(each, str) and each) or (each is None and schema.get("nullable"))
            for each in schema.get("enum", ())
        ):
            yield "enum"
        if "lone-any-of" in limits and "anyOf" in schema and schema.keys() != {"anyOf"} and schema is not root:
            yield "beside anyOf"
        takes_items = support.keywords is None or "items" in support.keywords
        if "array-items" in limits and takes_items and schema.get("type") == "array" and "items" not in schema:
            yield "items"
        if "declared-required" in limits and not set(schema.get("required", ())) <= set(schema.get("properties", {})):
            yield "required"
        if "no-booleans" in limits and any(
            isinstance(each, bool) for name, each in schema.items() if name in {"items", "not", "contains"}
        ):
            yield "boolean"
        if "no-booleans" in limits and any(isinstance(each, bool) for each in schema.get("properties", {}).values()):
            yield "boolean property"
