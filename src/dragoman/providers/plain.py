"""Python values of a caller, as plain JSON values. Knows no protocol."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite
from typing import Any

from msgspec import UNSET, Struct

from dragoman.error_words import cut
from dragoman.errors import InvalidRequestError

DEPTH = 64
"""How deep values may be nested: schemas of tools need a dozen levels, and encoders fail at a thousand."""

MAX_DIGITS = 308
"""Digits of an integer; readers of JSON do not accept longer ones."""


def plain(value: object, path: str, depth: int = DEPTH) -> Any:
    """`value` as dictionaries, lists, texts, numbers, booleans and None; values of msgspec, pydantic and dataclasses
    become their fields, in their names on the wire, without those that are not set.

    Raises InvalidRequestError, with the place, for a value that JSON cannot express.
    """
    if depth == 0:
        raise InvalidRequestError(f"{cut(path, 80)}: expected values at most {DEPTH} deep")
    match value:
        case None | bool():
            return value
        case Enum():
            return plain(value.value, path, depth - 1)
        case str():
            return value if type(value) is str else str.__str__(value)
        case int() if abs(value) < 10**MAX_DIGITS:
            return int(value)
        case float() if isfinite(value):
            return float(value)
        case Struct():
            return {name: plain(each, f"{path}.{name}", depth - 1) for name, each in _fields(value)}
        case Mapping():
            return {_name(name, path): plain(each, f"{path}.{name}", depth - 1) for name, each in value.items()}
        case list() | tuple():
            return [plain(each, f"{path}[{i}]", depth - 1) for i, each in enumerate(value)]
        case _ if (model := model_fields(value)) is not None:
            return plain(model, path, depth - 1)
        case _ if is_dataclass(value) and not isinstance(value, type):
            said = {field.name: getattr(value, field.name) for field in fields(value)}
            return plain(said, path, depth - 1)
        case int() | float():
            raise InvalidRequestError(f"{path}: expected a finite number of at most {MAX_DIGITS} digits")
        case bytes() | bytearray() | memoryview():
            words = "expected what JSON can say, got bytes: decode them, or write base64, as `attachment(…)` does"
            raise InvalidRequestError(f"{path}: {words}")
        case _:
            raise InvalidRequestError(f"{path}: expected what JSON can say, got {type(value).__name__}")


def model_fields(value: object) -> dict[str, Any] | None:
    """What pydantic makes of a model: its fields that are not None, by their names on the wire; None if it is no model.

    Pydantic is not imported for that: a program that has a model of it has done so.
    """
    pydantic = sys.modules.get("pydantic")
    if pydantic is None or not isinstance(value, pydantic.BaseModel):
        return None
    said: dict[str, Any] = value.model_dump(mode="json", by_alias=True, exclude_none=True)
    return said


def _fields(value: Struct) -> Iterator[tuple[str, object]]:
    """A struct's fields, and the tag of its kind."""
    config = value.__struct_config__
    if config.tag_field is not None:
        yield config.tag_field, config.tag
    for name, field in zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True):
        if (said := getattr(value, field)) is not UNSET:
            yield name, said


def _name(name: object, path: str) -> str:
    if not isinstance(name, str):
        raise InvalidRequestError(f"{path}: expected names that are strings, got {type(name).__name__}")
    return str.__str__(name)
