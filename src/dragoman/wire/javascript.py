"""JSON and values as JavaScript reads and prints them: some sites sign what JavaScript prints."""

import json
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from math import inf, isinf, isnan
from typing import Any

import msgspec

from dragoman.errors import InvalidRequestError
from dragoman.wire import strict
from dragoman.wire.json import clean
from dragoman.wire.steps import done


class Undefined(Enum):
    """What JavaScript prints for a field that is missing."""

    UNDEFINED = "undefined"


UNDEFINED = Undefined.UNDEFINED

PLAIN = 21
"""Places before the point up to which a number is printed plainly; https://tc39.es/ecma262/#sec-numeric-types-number-tostring"""


SAFE = 2**53
"""Integers up to here are doubles; https://tc39.es/ecma262/#sec-number.max_safe_integer"""


def parse(data: bytes) -> Any:
    """The value of a JSON text as `Response.json()` has it: numbers are doubles, and the last of two equal keys holds.

    Bytes that are not UTF-8 become U+FFFD. So does a lone surrogate, because JavaScript signs and sends U+FFFD for it.
    Raises ValueError, also if the text is nested more deeply than this machine can follow.
    """
    try:
        return _loads(data, parse_int=_integer)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def parse_request(data: bytes) -> Any:
    """The same for a caller's text, with the limits of every front (see `wire.strict`) and no two equal keys.

    Raises InvalidRequestError (400, 413) if the text breaks a limit, ValueError if it is not JSON.
    """
    done(strict.check_size(done(strict.shortened(data))))
    try:
        value = _loads(data, parse_int=_bounded(_integer), parse_float=_bounded(float), object_pairs_hook=strict.unique)
    except RecursionError as exc:
        raise strict.refused_json(strict.TOO_DEEP) from exc
    if strict.is_deep(value):
        raise strict.refused_json(strict.TOO_DEEP)
    return value


def stringify(value: Any) -> bytes:
    """`value` as JSON text. Raises InvalidRequestError if it holds something that JSON cannot express."""
    try:
        try:
            return msgspec.json.encode(value)
        except UnicodeEncodeError:
            return msgspec.json.encode(clean(value))
    except (TypeError, RecursionError) as exc:
        raise InvalidRequestError(f"expected values that JSON can say: {exc}") from exc


def _loads(
    data: bytes,
    *,
    parse_int: Callable[[str], float],
    parse_float: Callable[[str], float] | None = None,
    object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    value = json.loads(
        text,
        parse_constant=_refuse,
        parse_int=parse_int,
        parse_float=parse_float,
        object_pairs_hook=object_pairs_hook,
    )
    return clean(value) if "\\ud" in text or "\\uD" in text else value


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> float:
    double = float(digits)
    return int(digits) if abs(double) <= SAFE else double


def _bounded(read: Callable[[str], float]) -> Callable[[str], float]:
    """`read`, limited to numbers that every JSON reader takes."""

    def bounded(digits: str) -> float:
        number = read(digits)
        if isinf(number) or len(digits) > strict.MAX_DIGITS + len("-.e+308"):
            raise strict.refused_json(f"a number of more than {strict.MAX_DIGITS} digits")
        return number

    return bounded


def string(value: object) -> str:
    """What `String(value)` is, for a value that came out of JSON."""
    match value:
        case Undefined():
            return value.value
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number(value)
        case list():
            return join(value, ",")
        case dict():
            return "[object Object]"
        case _:
            return str(value)


def join(values: list[Any], between: str) -> str:
    """What `values.join(between)` is: null and undefined count as nothing."""
    return between.join("" if value is None or value is UNDEFINED else string(value) for value in values)


def number(value: float) -> str:
    """A number as JavaScript prints it: the shortest digits that give the same double back.

    https://tc39.es/ecma262/#sec-numeric-types-number-tostring
    """
    try:
        double = float(value)
    except OverflowError:
        double = inf if value > 0 else -inf
    if isinf(double):
        return "Infinity" if double > 0 else "-Infinity"
    if isnan(double):
        return "NaN"
    if double == 0:
        return "0"
    negative, digits, exponent = Decimal(repr(double)).normalize().as_tuple()
    assert isinstance(exponent, int)  # noqa: S101  # only NaN and infinities have letters there
    return ("-" if negative else "") + _layout("".join(map(str, digits)), exponent)


def _layout(digits: str, exponent: int) -> str:
    point = len(digits) + exponent
    if len(digits) <= point <= PLAIN:
        return digits + "0" * exponent
    if 0 < point <= PLAIN:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"
