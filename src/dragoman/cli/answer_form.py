"""The form of an answer that `--schema` names: a file, JSON, or a short form as `name, age int, note: one sentence`."""

import os
import re
from pathlib import Path
from typing import Any

import msgspec

from dragoman.cli.files import read_text
from dragoman.error_words import cut, nearest
from dragoman.errors import InvalidRequestError
from dragoman.types import ResponseFormat
from dragoman.wire.json import NOT_STRICT

TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
FIELD = re.compile(r"\s*(?P<name>[\w-]+)(?:\s+(?P<type>\w+))?\s*(?::\s*(?P<description>.*?))?\s*")
FIRST_NAME = re.compile(r"[^\s:,]+")
EXPECTED = "a file, a JSON schema, or fields as `name, age int, note: one sentence`"
LARGEST = 1 << 20
"""Bytes of a schema: a hundred times what services take."""


def answer_form(text: str) -> ResponseFormat:
    """The form of the answer. Raises InvalidRequestError."""
    if text.lstrip().startswith("{"):
        return _by_schema(text.encode(errors="surrogateescape"), "the schema")
    if _names_file(text):
        return _by_schema(read_text(Path(text), LARGEST), text)
    return ResponseFormat(kind="json_schema", name="answer", schema=short_schema(text), strict=True)


def _names_file(text: str) -> bool:
    """Whether it is a path, and not fields, whose descriptions may be long and have slashes too."""
    begins = FIRST_NAME.match(text)
    if (text.endswith(".json") and ":" not in text) or (begins is not None and os.sep in begins[0]):
        return True
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def short_schema(text: str) -> dict[str, Any]:
    """The schema of an object with these fields, all of which it must have. Raises InvalidRequestError."""
    properties: dict[str, Any] = {}
    # With line feeds, a comma belongs to a description.
    pieces = text.strip().split("\n" if "\n" in text.strip() else ",")
    for piece in filter(str.strip, pieces):
        found = FIELD.fullmatch(piece)
        if found is None:
            raise InvalidRequestError(f"--schema: expected {EXPECTED}, got {cut(piece.strip())!r}")
        kind = found["type"] or "str"
        if kind not in TYPES:
            hint = nearest(kind, TYPES) or f"; known are {', '.join(TYPES)}"
            raise InvalidRequestError(f"--schema: there is no type {kind!r} of a field{hint}")
        if found["name"] in properties:
            raise InvalidRequestError(f"--schema: there are two fields {found['name']!r}")
        described = {"description": found["description"]} if found["description"] else {}
        properties[found["name"]] = {"type": TYPES[kind]} | described
    if not properties:
        raise InvalidRequestError(f"--schema: expected {EXPECTED}, got nothing")
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _by_schema(data: bytes, label: str) -> ResponseFormat:
    try:
        schema = msgspec.json.decode(data, type=dict[str, Any])
    except NOT_STRICT as exc:
        raise InvalidRequestError(f"{label}: expected a JSON schema, which is an object, got: {exc}") from exc
    return schema_form(schema)


def schema_form(schema: dict[str, Any]) -> ResponseFormat:
    """The form of an answer by this schema; whether it is strict is left to the service."""
    return ResponseFormat(kind="json_schema", name="answer", schema=schema)
