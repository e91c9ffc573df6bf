"""Schemas of tools as agents, MCP servers, pydantic and zod write them.

Those in `hand_made.jsonl` are written by hand, one a line. The others are made of building blocks, always the same.
"""

import json
import random
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

HAND_MADE: dict[str, Schema] = {
    row["name"]: row["schema"]
    for row in map(json.loads, Path(__file__).with_name("hand_made.jsonl").read_text().splitlines())
}

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer"}
LEAF: Schema = {"type": "string", "minLength": 1}


def closed(properties: Schema, *required: str) -> Schema:
    """An object without other properties, as zod writes it."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


BLOCKS: tuple[Any, ...] = (
    TEXT,
    COUNT,
    LEAF,
    {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
    {"type": "integer", "exclusiveMaximum": 10, "multipleOf": 2},
    {"type": "boolean"},
    {"type": "string", "pattern": "^a", "maxLength": 5},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "uri", "description": "An address"},
    {"type": "string", "enum": ["a", "b"]},
    {"enum": ["a", 1, None]},
    {"const": "x"},
    {"const": 3},
    {"type": ["string", "null"]},
    {"type": ["integer", "string"], "minimum": 1, "minLength": 1},
    {"type": "array", "items": TEXT},
    {"type": "array", "items": COUNT, "minItems": 1, "uniqueItems": True},
    {"type": "array", "prefixItems": [TEXT, COUNT], "items": False},
    {"type": "array", "prefixItems": [TEXT], "items": COUNT},
    {"type": "array", "contains": {"const": 1}},
    {"type": "object", "additionalProperties": COUNT},
    {"type": "object", "patternProperties": {"^a": TEXT}, "additionalProperties": False},
    {"type": "object", "properties": {"a": COUNT}, "additionalProperties": {"type": "boolean"}},
    {"type": "object", "properties": {"a": TEXT, "b": COUNT}, "required": ["a"]},
    {"type": "object", "properties": {"a": TEXT, "b": COUNT}, "dependentRequired": {"a": ["b"]}},
    {"type": "object", "propertyNames": {"pattern": "^a"}},
    {"not": {"type": "string"}},
    {"type": "integer", "not": {"const": 3}},
    {"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "integer"}},
    {"oneOf": [closed({"k": {"const": "a"}}, "k"), closed({"k": {"const": "b"}, "n": COUNT}, "k")]},
    {"oneOf": [{"type": "integer", "minimum": 2}, {"type": "integer", "maximum": 5}]},
    {"anyOf": [TEXT, COUNT], "description": "Either"},
    {"allOf": [{"type": "integer"}, {"minimum": 2}, {"maximum": 8}]},
    {"allOf": [{"type": "object", "properties": {"a": TEXT}}, {"properties": {"b": COUNT}, "required": ["b"]}]},
    {"type": "string", "nullable": True},
    True,
    {},
    {"$ref": "#/$defs/Leaf"},
    {"$ref": "#/$defs/Node"},
    {"$ref": "#/$defs/Leaf", "description": "A leaf", "maxLength": 4},
)

DEFINITIONS: Schema = {
    "Leaf": {"type": "string", "minLength": 1, "description": "A leaf of the tree"},
    "Node": {
        "type": "object",
        "properties": {
            "leaf": {"$ref": "#/$defs/Leaf"},
            "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
        },
        "additionalProperties": False,
    },
}


def made(seed: int) -> Schema:
    """A schema of building blocks, one inside the other."""
    chance = random.Random(seed)
    return _made_object(chance, 0) | {"$defs": DEFINITIONS}


def _made_object(chance: random.Random, level: int) -> Schema:
    names = [f"p{i}" for i in range(chance.randint(1, 4))]
    schema: Schema = {"type": "object", "properties": {name: _made_block(chance, level) for name in names}}
    if chance.random() < 0.7:
        schema["required"] = chance.sample(names, chance.randint(0, len(names)))
    if chance.random() < 0.5:
        schema["additionalProperties"] = chance.choice([False, True, TEXT])
    if level == 0:
        match chance.randint(0, 7):
            case 0:
                schema["anyOf"] = [{"required": [name]} for name in names]
            case 1:
                return {"allOf": [schema, _made_object(chance, 1)]}
            case 2:
                return {"anyOf": [schema, _made_object(chance, 1)]}
            case 3:
                return {
                    "oneOf": [
                        schema | {"required": names, "additionalProperties": False},
                        {"type": "object", "required": ["q"]},
                    ]
                }
            case _:
                pass
    return schema


def _made_block(chance: random.Random, level: int) -> Any:
    block = chance.choice(BLOCKS)
    other = chance.choice(BLOCKS)
    if level > 2 or chance.random() < 0.5:
        return block
    match chance.randint(0, 8):
        case 0:
            return {"type": "array", "items": _made_block(chance, level + 1)}
        case 1:
            return {"anyOf": [block, {"type": "null"}], "default": None}
        case 2:
            return {"anyOf": [block, _made_block(chance, level + 1)]}
        case 3:
            return {"oneOf": [block, other]}
        case 4:
            return {"allOf": [block, other]}
        case 5:
            return {"not": block}
        case 6:
            return {"if": block, "then": other, "else": _made_block(chance, level + 1)}
        case 7:
            return {"type": "object", "additionalProperties": _made_block(chance, level + 1)}
        case _:
            return _made_object(chance, level + 1)


CORPUS: dict[str, Schema] = HAND_MADE | {f"made {seed}": made(seed) for seed in range(200)}
