"""A JSON Schema that stands in a text, because the program that wrote it could not send it in another way."""

import json
from typing import Any

MAX_READ = 40_000
"""Characters of a text that are looked at."""

MAX_TRIES = 100
"""Braces at which a schema may begin: each of them may cost as much as the text is long."""


def schema_in(text: str) -> dict[str, Any] | None:
    """The last schema of an object that has properties; None if there is none."""
    text = text[:MAX_READ]
    decoder = json.JSONDecoder()
    found: dict[str, Any] | None = None
    place = 0
    for _ in range(MAX_TRIES):
        place = text.find("{", place)
        if place < 0:
            break
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place += 1
            continue
        if isinstance(value.get("properties"), dict) or isinstance(value.get("$defs"), dict):
            found = value
    return found
