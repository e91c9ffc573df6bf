"""Python values of a caller, as plain JSON values. Knows no protocol."""

from collections.abc import Iterator, Mapping
from enum import Enum
from math import isfinite
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.errors import InvalidRequestError, cut

DEPTH = 64
"""How deep values may be nested: schemas of tools need a dozen levels, and encoders fail at a thousand."""

MAX_DIGITS = 308
"""Digits of an integer; readers of JSON do not accept longer ones."""


def plain(value: object, path: str, depth: int = DEPTH) -> Any:
    """`value` as dictionaries, lists, texts, numbers, booleans and None; our own values become their fields.

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
        case int() | float():
            raise InvalidRequestError(f"{path}: expected a finite number of at most {MAX_DIGITS} digits")
        case _:
            raise InvalidRequestError(f"{path}: expected what JSON can say, got {type(value).__name__}")


def _fields(value: Struct) -> Iterator[tuple[str, object]]:
    """A struct's fields, and the tag of its kind."""
    config = value.__struct_config__
    if config.tag_field is not None:
        yield config.tag_field, config.tag
    yield from msgspec.structs.asdict(value).items()


def _name(name: object, path: str) -> str:
    if not isinstance(name, str):
        raise InvalidRequestError(f"{path}: expected names that are strings, got {type(name).__name__}")
    return str.__str__(name)
