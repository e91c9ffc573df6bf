"""Properties at the top of a tool's JSON Schema whose names a service refuses: they are told in words. Knows no vendor.

A model that has read of a property in the tool's description may still send it, under its own name.
"""

import re
from typing import Any

from dragoman.protocols.tools.schema.keywords import Schema
from dragoman.protocols.tools.schema.words import listed, quoted

NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


def named(schema: Schema) -> tuple[Schema, list[str]]:
    """`schema` without properties of other names, and sentences that tell of them; the same object if it has none."""
    properties = schema.get("properties")
    if not isinstance(properties, dict) or all(map(NAME.fullmatch, properties)):
        return schema, []
    others = [name for name in properties if not NAME.fullmatch(name)]
    required = schema.get("required")
    if not isinstance(required, list | tuple):
        required = ()  # a service that takes everything else gets it as it is
    words = [_words(name, properties[name], required=name in required) for name in others]
    plain: Schema = schema | {"properties": {name: each for name, each in properties.items() if name not in others}}
    if required:
        plain["required"] = [name for name in required if name not in others]
    if plain.get("additionalProperties") is False:
        del plain["additionalProperties"]
        words.append("There are no other properties.")
    return plain, words


def _words(name: str, schema: Any, *, required: bool) -> str:
    must = "must be" if required else "may be"
    text = quoted(schema)
    return f"A property {listed([name])} {must} given too" + (f", of the JSON Schema {text}." if text else ".")
