"""Schemas of this protocol's older form, an OpenAPI 3.0 schema with types in upper case, to JSON Schema.

https://ai.google.dev/api/caching#Schema
"""

import re
from typing import Any

from dragoman.protocols.gemini.extra import note, noted
from dragoman.protocols.gemini.numbered import TYPES, named
from dragoman.protocols.tools.schema.references import References
from dragoman.types import Extra, SchemaSupport

MEMBERS = frozenset({"items", "additionalProperties"})
"""Keywords that hold a schema."""

LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})

NAMED = frozenset({"properties", "$defs", "defs"})
"""Keywords that hold an object of schemas, whose keys are names."""

COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
"""Keywords that hold an integer of 64 bits: JSON of this protocol may write it as a string."""
DIGITS = 19
"""Those of the largest such integer. Python refuses to read a number of thousands of digits."""

NO_REFERENCES = SchemaSupport(limits=frozenset({"references", "plain-patterns"}))
"""What the service takes of JSON Schema. A reference with other keywords beside it is a 400, and so is one that leads
into definitions it has not read (anomalyco/opencode#12295, google-gemini/gemini-cli#13326; 2026-11-26). Unions,
lists of types and keywords that it does not know are taken. For regular expressions see langfuse/langfuse#14770."""

REFERRING = "referring"
"""Notes that a schema with references came in this protocol: it goes back as it came."""

OWN = (REFERRING, "parameters", "response", "responseSchema", "responseJsonSchema")
"""Notes on schemas of this protocol's callers."""

NO_TYPE = "TYPE_UNSPECIFIED"
RENAMED = {"defs": "$defs", "ref": "$ref"}
WORD = re.compile("_([a-z])")


def to_json_schema(schema: Any) -> Any:
    """The JSON Schema with the same meaning. What is not understood stays as it is."""
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    nullable, order = False, None
    for name, said in schema.items():
        value = named(said, TYPES) if name == "type" else said
        key = WORD.sub(lambda word: word[1].upper(), name)
        match key, value:
            case "type", str() if value.upper() != NO_TYPE:
                found[key] = value.lower()
            case "type", str():
                continue
            case "nullable", bool():
                nullable = value
            case "propertyOrdering", list():
                order = value
            case "example", _:
                found["examples"] = [value]
            case _, dict() if key in NAMED:
                found[RENAMED.get(key, key)] = {inner: to_json_schema(each) for inner, each in value.items()}
            case _, dict() if key in MEMBERS:
                found[key] = to_json_schema(value)
            case _, list() if key in LISTS:
                found[key] = [to_json_schema(each) for each in value]
            case _, str() if key in COUNTS and value.isascii() and value.isdigit() and len(value) <= DIGITS:
                found[key] = int(value)
            case _:
                found[RENAMED.get(key, key)] = value
    if order is not None and isinstance(found.get("properties"), dict):
        found["properties"] = _ordered(found["properties"], order)
    return _nullable(found) if nullable else found


def is_older(schema: dict[str, Any]) -> bool:
    """Whether it is one of the older form although it stands where a JSON Schema belongs, as Gemini CLI sends it."""
    kind = schema.get("type")
    return isinstance(kind, str) and kind.isupper()


def noted_references(schema: dict[str, Any]) -> Extra:
    """A note if a JSON Schema of a caller has references."""
    return note(REFERRING, True) if References(schema).any else {}


def is_own_schema(extra: Extra) -> bool:
    """Whether the schema of a tool or a form with these further fields came in this protocol, and need not change."""
    return any(noted(extra, name) is not None for name in OWN)


def _ordered(properties: dict[str, Any], order: list[Any]) -> dict[str, Any]:
    first = {name: properties[name] for name in order if isinstance(name, str) and name in properties}
    return first | properties


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if isinstance(schema.get("type"), str):
        schema = schema | {"type": [schema["type"], "null"]}
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    elif isinstance(schema.get("anyOf"), list):
        schema = schema | {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    return schema
