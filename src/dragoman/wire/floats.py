"""JSON of strangers with floats in it, read in time that grows with its bytes. Knows no vendor.

msgspec takes up to 20 microseconds for a float beyond 1e288, of which a megabyte of JSON may hold 150,000; Python's own
`float` takes a tenth of one for any. So msgspec calls that for each float of which no type is known (seen in 0.22,
2026-11-28).
"""

import re
from collections.abc import Callable
from math import isfinite
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

EXTREME = re.compile(rb"[eE][-+]?[0-9]{3}")
"""The exponent of a float that msgspec may read slowly."""


def number(text: str) -> float:
    """The float that `text` is in JSON. Raises msgspec.ValidationError, as msgspec does, if no double is so large."""
    value = float(text)
    if not isfinite(value):
        raise msgspec.ValidationError("Number out of range")
    return value


def reader(kind: type[T]) -> Callable[[bytes | str], T]:
    """What decodes JSON as a `kind` that has fields of any type. Raises what msgspec raises."""
    return msgspec.json.Decoder(kind, float_hook=number).decode


decode: Callable[[bytes | str], Any] = msgspec.json.Decoder(float_hook=number).decode
"""The value of JSON. Raises what msgspec raises."""

_plain = msgspec.json.Decoder().decode


def decode_many(data: bytes) -> Any:
    """The same, five times as fast, for JSON that is floats nearly all: `number` is called only if one may be slow."""
    return decode(data) if EXTREME.search(data) else _plain(data)
