"""JSON text to values and back, with this library's errors. Knows no vendor."""

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from dragoman.errors import BadEventError, InvalidRequestError
from dragoman.wire import floats, strict
from dragoman.wire.steps import Steps, check_utf8, done
from dragoman.wire.utf8 import well_formed

encode = msgspec.json.encode
_object = msgspec.json.Decoder(dict[str, Raw]).decode


def encode_to_keep(value: Any) -> bytes:
    """The same for JSON that is held for long: without the room to grow that the encoder leaves behind, up to half of
    it again."""
    return bytes(memoryview(encode(value)))


NOT_STRICT = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What msgspec raises for bytes or a text that is not JSON in UTF-8, as its standards have it, or nested too deeply."""
TOO_DEEP = "expected JSON, got objects or lists too deep in each other"
TRUNCATED = "truncated"
HALF = re.compile(rb'\\u[dD][89abAB][0-9a-fA-F]{2}"')
LAST = 16
"""Bytes at the end of a body that are searched for half a character."""


def decode_event(data: bytes) -> Any:
    """The value of a service's JSON, without halves of characters. Raises BadEventError."""
    return _event(data, floats.decode)


def decode_floats(data: bytes) -> Any:
    """The same, faster, of an answer that is floats nearly all."""
    return _event(data, floats.decode_many)


def _event(data: bytes, decode: Callable[[bytes], Any]) -> Any:
    try:
        return decode(data)  # which takes no half of a character
    except NOT_STRICT:
        return clean(_read_loosely(data))


def decode_loosely(data: bytes) -> Any:
    """The value of a service's JSON, as browsers' and Python's own readers take it. Raises BadEventError.

    What is not UTF-8 becomes U+FFFD; NaN and infinities are numbers; a text may hold half a character (a lone
    surrogate), whose other half may come in a later event.
    """
    try:
        return floats.decode(data)
    except NOT_STRICT:
        return _read_loosely(data)


def is_json(data: bytes) -> bool:
    """Whether `decode_loosely` can read it."""
    try:
        decode_loosely(data)
    except BadEventError:
        return False
    return True


def is_object(text: str) -> bool:
    """Whether `text` is the JSON of an object."""
    try:
        _object(text)
    except NOT_STRICT:
        return False
    return True


def _read_loosely(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except RecursionError as exc:
        raise BadEventError(TOO_DEEP) from exc
    except ValueError as exc:
        raise BadEventError("expected JSON, got something else") from exc


def encode_loosely(value: Any) -> bytes:
    """The JSON of a value that may have halves of characters, as a path of other bytes than UTF-8 has: each U+FFFD."""
    try:
        return encode(value)
    except UnicodeEncodeError:
        return encode(clean(msgspec.to_builtins(value)))


def clean(value: Any) -> Any:
    """A JSON value with each half of a character replaced by U+FFFD. Raises BadEventError if it is too deep."""
    try:
        return _clean(value)
    except RecursionError as exc:
        raise BadEventError(TOO_DEEP) from exc


def _clean(value: Any) -> Any:
    match value:
        case str():
            return well_formed(value)
        case list() | tuple():
            return [_clean(item) for item in value]
        case dict():
            return {_clean(key): _clean(item) for key, item in value.items()}
        case _:
            return value


def decode_request(data: bytes, most: int = strict.MAX_VALUES) -> Any:
    """The value of a caller's JSON, read strictly; see `strict`. `most`: how many values it may have.

    Raises InvalidRequestError (400, 413); its message says where the text is wrong, and quotes nothing of it.
    """
    try:
        if len(data) <= strict.SMALL:
            return strict.decode(data)
        short = done(strict.shortened(data))
        done(strict.check_size(short, most))
        if short is data:
            return strict.decode(data)
        value = floats.decode(data)
        if not _passes(short):
            return strict.read(data)
    except NOT_STRICT as exc:
        raise _wrong(exc, data) from exc
    return value


def check_request(data: bytes) -> tuple[Any, bool]:
    """Refuses what `decode_request` refuses, for a caller that needs no value, because it reads the text itself.

    Returns the value if it was decoded on the way, else None; and whether `data` is written as we would write it.

    Costs 4 µs for 1 KiB; texts of more than 1 KiB are not looked into. If a body has more than 8 KiB of short texts,
    only its encoding and its size are checked, because nothing here reads what is nested in it. Raises as
    `decode_request` does.
    """
    if len(data) > strict.SMALL:
        return done(checked(data))
    try:
        return strict.read(data)
    except NOT_STRICT as exc:
        raise _wrong(exc, data) from exc


def checked(data: bytes) -> Steps[tuple[Any, bool]]:
    """The same for a text of more than 8 KiB, in steps: the longest takes a millisecond."""
    try:
        yield from check_utf8(data)
        short = yield from strict.shortened(data)
        yield from strict.check_size(short)
        if len(short) <= strict.SMALL and not _passes(short):
            return strict.read(data)
    except NOT_STRICT as exc:
        raise _wrong(exc, data) from exc
    return None, False


def _passes(short: bytes) -> bool:
    """Whether a shortened text is valid. Then the text that it was made from is valid too; if not, check that one."""
    try:
        strict.decode(short)
    except (msgspec.MsgspecError, InvalidRequestError, RecursionError):
        return False
    return True


def _wrong(exc: Exception, data: bytes) -> InvalidRequestError:
    if isinstance(exc, RecursionError):
        return strict.refused_json(strict.TOO_DEEP)
    # If half a character stands at the very end, msgspec says that the text is truncated, not that it is malformed.
    halved = TRUNCATED in str(exc) and HALF.search(data, len(data) - LAST)
    return strict.refused_json("half a character (a lone surrogate)" if halved else str(exc))
