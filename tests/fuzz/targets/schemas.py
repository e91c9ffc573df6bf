"""Schemas of tools and of answers' forms, compiled for each kind of service: JSON in, JSON out, and nothing raised."""

import random
from collections.abc import Callable
from typing import Any

import msgspec

from dragoman.protocols.tools.schema.compiler import CompiledSchema, compiled, compiled_form, compiled_output
from dragoman.providers.profiles import Families
from dragoman.types import SchemaSupport
from tests.fuzz.targets.decoders import client_of
from tests.fuzz.targets.target import FuzzTarget, seed_of
from tests.support.spoiling import spoilt_json

MODELS = {"gemini": "gemini-2.5-pro", "openai-chat": "gpt-5", "anthropic": "claude-sonnet-4-5", "ollama": "llama3.2"}
SUPPORTS: tuple[SchemaSupport, ...] = tuple(
    dict.fromkeys(
        client_of(protocol).takes_schemas(Families().profile_of(model))
        for protocol in MODELS
        for model in MODELS.values()
    )
)
Way = Callable[[Any, SchemaSupport], CompiledSchema]
WAYS: tuple[Way, ...] = (compiled, compiled_output, compiled_form)
WORDS = (
    "$ref", "$defs", "definitions", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "type", "properties",
    "required", "items", "prefixItems", "additionalProperties", "patternProperties", "enum", "const", "format",
    "nullable", "minimum", "$schema", "$id", "$anchor", "dependentRequired", "contains", "propertyNames", "default",
)  # fmt: skip
VALUES: tuple[Any, ...] = ("#", "#/$defs/a", "object", ["string", "null"], {}, [], True, None, 1, {"type": "integer"})


def schema(data: bytes) -> None:
    """A schema as JSON."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    if not isinstance(value, dict):
        return
    rng = random.Random(seed_of(data))
    compile_for(value, rng.choice(SUPPORTS), rng.choice(WAYS))


def compile_for(value: dict[str, Any], support: SchemaSupport, way: Way) -> None:
    """Compiles a schema for one kind of service, in one way."""
    before = msgspec.json.encode(value)
    found = way(value, support)
    msgspec.json.encode(found.schema)
    assert not found.told & found.lost
    if found.schema is not value and found.broken is None and way is compiled:
        again = compiled(found.schema, support)
        # Alternatives may multiply once more: what is just small enough may then be too large.
        assert again.broken is None or "schemas" in again.broken, again.broken
    assert msgspec.json.encode(value) == before


def spoil(data: bytes, rng: random.Random) -> bytes:
    """A schema with a keyword more, or with a field changed."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return data
    inside: list[Any] = []
    find_objects(value, inside)
    if not inside or rng.random() < 0.3:
        return spoilt_json(data, rng)
    word = rng.choice(WORDS)
    rng.choice(inside)[word] = rng.choice([*VALUES, {rng.choice(WORDS): rng.choice(VALUES)}, *inside])
    try:
        return msgspec.json.encode(value)
    except RecursionError:  # an object that was put into itself
        return data


def find_objects(value: Any, inside: list[Any]) -> None:
    """Adds each object in `value`, at any depth."""
    if isinstance(value, dict):
        inside.append(value)
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        find_objects(below, inside)


TARGETS = {"tool-schema": FuzzTarget(schema, spoil=spoil)}
