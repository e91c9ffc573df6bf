"""What a caller's JSON may be: no deeper, larger or more ambiguous than two readers agree on. Knows no vendor.

JSON leaves open what two equal keys mean, how large a number or how deep a nesting may be. Programs that differ there
read one text in two ways, and one of them may be the guard. So such a text is refused, by each front and on each path:

    deeper than 64              Python's own readers end near 1000, with an exception
    a number of over 308 digits, or not finite: beyond a double it is another number, or none, to most readers
    equal keys in an object     some readers take the first, some the last
    not UTF-8, half a surrogate pair
    over 100,000 values, or 8 MiB beside long texts: a value takes up to fifty times its own bytes

Looking at each byte costs more than all else that a relay does, and most of a large request is a few long texts: words,
or a picture. `shortened` puts the length of each in its place. It goes from quotation mark to quotation mark, which is
fast, and does not know which of the pieces are texts. What stands between texts is made of few characters, so that a
long piece with another one in it is a text, or some of one. A backslash before a mark stays. A shortened text may be
bad though the whole one is not (two long keys became equal); then the whole one is asked. It is never good where the
whole one is bad, if that is JSON at all.
"""

import json
import re
from typing import Any

import msgspec

from dragoman.errors import InvalidRequestError

MAX_DEPTH = 64
"""Objects and lists in one another. Chats have ten; https://www.rfc-editor.org/rfc/rfc8259#section-9 allows a limit."""

MAX_DIGITS = 308
"""Digits. A number with more is no double, unless most of them say nothing."""

MAX_VALUES = 100_000
"""Of 2000 messages (as many as OpenAI takes), each with a call of a tool, and 100 large tools: a third of it."""

MAX_BYTES = 8 << 20
"""Bytes beside long texts: two million tokens, more than any model reads."""

SMALL = 8 << 10
"""Bytes that a relay has looked into, for some ten microseconds."""

LONG = 1 << 10
"""Bytes of a piece that is worth cutting out."""

WINDOW = 2 << 10
DENSE, SOON = 128, 256
"""With a mark each 128 bytes no texts are long: looked at in three places first, and at each mark from 256 on."""

STRUCTURE = b" \t\r\n[]{}:,+-.0123456789eEtrufalsn"
"""What may stand outside of texts."""

TOO_DEEP = "too deeply nested"

TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'

_VALUE = re.compile(rb'(?:"[^"]*+"|[^"\[{,]++)*+[\[{,]')
"""Up to where a value begins, unless it is an object's first or stands alone. Of a text without escaped marks."""

_LONGER = rb"(?:[0-9]{%d}|[0-9][0-9.]{%d})" % (MAX_DIGITS + 1, MAX_DIGITS + 1)
_LONG_NUMBER = re.compile(rb"(?:%b|[^\"0-9]++|(?!%b)[0-9.]++)*+%b" % (TEXT, _LONGER, _LONGER), re.DOTALL)
_TWO_DIGITS = re.compile(rb"[0-9.]{2}")
_BACKSLASH = 0x5C
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_STRIDE = MAX_DIGITS // 2
"""Every such byte is looked at first: a longer number has two of them in a row."""


def wrong(reason: str) -> InvalidRequestError:
    """The refusal of a text."""
    return InvalidRequestError(f"the body is not valid JSON: {reason}", code="invalid_json")


def shortened(data: bytes) -> bytes:
    """`data` without most of its long texts; itself where there are none. See above."""
    if len(data) <= SMALL or _is_dense(data):
        return data
    kept: list[bytes] = []
    start = marks = copied = 0
    while (end := data.find(b'"', start)) >= 0:
        marks += 1
        if marks > SOON and end < DENSE * marks:
            return data
        if end - start > LONG and data[end - 1] != _BACKSLASH and data[start:end].strip(STRUCTURE):
            kept += (data[copied:start], b"%d" % (end - start))
            copied = end
        start = end + 1
    return b"".join([*kept, data[copied:]]) if kept else data


def _is_dense(data: bytes) -> bool:
    places = (0, len(data) // 2, len(data) - WINDOW)
    return all(data.count(b'"', at, at + WINDOW) * DENSE > WINDOW for at in places)


def check_size(data: bytes) -> None:
    """Raises InvalidRequestError (413) where the values would take too much. `data` is shortened."""
    if len(data) <= 2 * MAX_VALUES:
        return
    if len(data) > MAX_BYTES:
        raise _too_much(f"at most {MAX_BYTES} bytes beside long texts and pictures")
    # A comma in a text is no sign of a value; to tell the two apart costs more than to count both.
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > MAX_VALUES and _has_too_many(data):
        raise _too_much(f"at most {MAX_VALUES} values")


def _has_too_many(data: bytes) -> bool:
    # Leaving out what is escaped takes half the time of matching it; a backslash by itself goes first.
    data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    at = count = 0
    while (found := _VALUE.match(data, at)) and count <= MAX_VALUES:
        at = found.end()
        count += 1
    return count > MAX_VALUES


def _too_much(expected: str) -> InvalidRequestError:
    return InvalidRequestError(f"expected a body of {expected}", status=413, code="request_too_large")


def decode(data: bytes) -> Any:
    """The value. Raises InvalidRequestError (400) where it is none of the above, msgspec's own error for no JSON."""
    return read(data)[0]


def read(data: bytes) -> tuple[Any, bool]:
    """The same, and whether `data` is written as we would write that value. Raises as `decode` does."""
    value = _decode(data)
    if len(data) > MAX_DIGITS and _TWO_DIGITS.search(data[::_STRIDE]) and _LONG_NUMBER.match(data):
        raise wrong(f"a number of more than {MAX_DIGITS} digits")
    if len(data) > MAX_DEPTH and data.count(b"{") + data.count(b"[") > MAX_DEPTH and is_deep(value):
        raise wrong(TOO_DEEP)
    # An equal key that was lost is missing in the value's own text.
    again = _encode(value)
    if again == data:
        return value, True
    if not _same(again, data):
        json.loads(data, object_pairs_hook=unique)
    return value, False


def is_deep(value: Any) -> bool:
    """Whether a value is deeper than 64."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for each in level
            for child in (each.values() if type(each) is dict else each)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _same(again: bytes, data: bytes) -> bool:
    """Whether `data` says no more than `again`, the text of its value, as far as can be told at once.

    An equal key that was lost took its quotation marks along. They are the same in any layout, except a mark in a text
    that is written as a number.
    """
    return again.count(b'"') == data.count(b'"') and b"u0022" not in data


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Raises InvalidRequestError where two of its keys are equal."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise wrong("two equal keys in an object")
    return found
