"""What a caller's JSON may be: no deeper, larger or more ambiguous than two readers agree on. Knows no vendor.

JSON does not define what two equal keys mean, how large a number may be, or how deep a nesting. Two programs may then
read one text in two ways, and one of the two may be the program that checks. So each front, on each path, refuses:

    deeper than 64 levels       Python's own readers stop near 1000, with an exception
    equal keys in an object     some readers take the first, some the last
    a number of more than 308 digits, or not finite: it does not fit a double, and most readers change or refuse it
    bytes that are not UTF-8, half a surrogate pair
    more than 100,000 values, or 8 MiB not counting long texts: a value takes up to fifty times its own bytes

Looking at every byte costs more than all else that a relay does, and most of a large request is a few long texts: prose
or a picture. So `shortened` makes a small text to be checked in place of the large one: each long text is replaced by
its length. How it finds them:

- It goes from quotation mark to quotation mark, which is fast. It does not know which pieces are inside of texts.
- But outside of texts only few characters occur (STRUCTURE). So a long piece with any other character is a text, or
  a part of one, and is cut out. A piece that ends with a backslash stays, because the mark after it is escaped.
- A valid text may become invalid when it is shortened (two long keys become equal). Then the original is checked.
- A text that breaks one of these rules never becomes valid, as long as it is JSON at all.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from dragoman.errors import InvalidRequestError
from dragoman.wire import floats
from dragoman.wire.steps import PIECE, Steps

MAX_DEPTH = 64
"""Objects and lists in one another. Chats have ten; https://www.rfc-editor.org/rfc/rfc8259#section-9 allows a limit."""

MAX_DIGITS = 308
"""Digits. A number with more does not fit a double, unless most of them are zeros or beyond its precision."""

MAX_VALUES = 100_000
"""Three times what 2000 messages (OpenAI's limit), each with a tool call, and 100 large tools have."""

MAX_BYTES = 8 << 20
"""Bytes not counting long texts: two million tokens, more than any model reads."""

SMALL = 8 << 10
"""Bytes of a body that is decoded as a whole, which takes some ten microseconds."""

LONG = 1 << 10
"""Bytes of a piece that is worth cutting out."""

WINDOW = 2 << 10
DENSE, SOON = 128, 256
"""With a quotation mark every 128 bytes (DENSE) no texts are long, and the search is given up: three places are looked
at first, and the average again at each mark from the 256th on (SOON)."""

MARKS = 4 << 10
"""Marks that are looked at in one step: each takes a quarter of a microsecond."""

STRUCTURE = b" \t\r\n[]{}:,+-.0123456789eEtrufalsn"
"""The characters that may occur outside of texts."""

BEGINNINGS = b",[{"
"""Before each value, except one that stands alone and the first of a list or an object."""

COPIED = 64 << 10
"""Bytes that are copied at a time: the memory for so few is at hand, and the system need not be asked for it."""

PART = 256 << 10
"""Bytes that are decoded at a time: no other thread runs meanwhile, and dense JSON takes two milliseconds per MiB."""

TOO_DEEP = "too deeply nested"
CUT_SHORT = "Input data was truncated"
"""What msgspec says of a text that ends within a value, or before one."""

TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'

_VALUE = re.compile(rb'(?:"[^"]*+"|[^"\[{,]++)*+[\[{,]')
"""Matches up to the point at which the next value begins, for a text without escaped quotation marks. Does not count an
object's first value, nor a value that stands alone."""

_LONGER = rb"(?:[0-9]{%d}|[0-9][0-9.]{%d})" % (MAX_DIGITS + 1, MAX_DIGITS + 1)
_LONG_NUMBER = re.compile(rb"(?:%b|[^\"0-9]++|(?!%b)[0-9.]++)*+%b" % (TEXT, _LONGER, _LONGER), re.DOTALL)
_TWO_DIGITS = re.compile(rb"[0-9.](?=[0-9.])")
_BACKSLASH = 0x5C
_decode = floats.decode
_encode = msgspec.json.Encoder().encode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_items = msgspec.json.Decoder(list[Raw]).decode
_STRIDE = MAX_DIGITS // 2
"""Bytes between two samples: a number that is too long has a digit in two samples in a row."""


def refused_json(reason: str) -> InvalidRequestError:
    """The error that refuses a text."""
    words = "it is empty, or ends too soon" if reason == CUT_SHORT else reason
    return InvalidRequestError(f"the body is not valid JSON: {words}", code="invalid_json")


def shortened(data: bytes) -> Steps[bytes]:
    """`data` without most of its long texts; itself if there are none. See above."""
    if len(data) <= SMALL or _is_dense(data):
        return data
    kept: list[bytes] = []
    start = marks = copied = 0
    while (end := data.find(b'"', start)) >= 0:
        marks += 1
        if not marks % MARKS:
            yield
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


def check_size(data: bytes, most: int = MAX_VALUES) -> Steps[None]:
    """Raises InvalidRequestError (413) if the values would take too much memory, or are more than `most`.

    `data` is shortened.
    """
    if len(data) <= 2 * most:
        return
    if len(data) > MAX_BYTES:
        raise _too_much(f"at most {MAX_BYTES} bytes beside long texts and pictures")
    # A comma in a text does not begin a value, but to distinguish the two costs more than to count both.
    begun = 0
    for at in range(0, len(data), COPIED):
        # One look at each byte, and a copy, cost two thirds of one count for each of the three.
        piece = data[at : at + COPIED]
        begun += len(piece) - len(piece.translate(None, BEGINNINGS))
        if not at % PIECE:
            yield
    if begun > most and (yield from _has_more(data, most)):
        raise _too_much(f"at most {most} values")


def _has_more(data: bytes, most: int) -> Steps[bool]:
    # To remove escaped characters takes half the time of matching them; escaped backslashes have to go first.
    data = data.replace(b"\\\\", b"")
    yield
    data = data.replace(b'\\"', b"")
    yield
    at = count = 0
    while (found := _VALUE.match(data, at)) and count <= most:
        at = found.end()
        count += 1
        if not count % MARKS:
            yield
    return count > most


def _too_much(expected: str) -> InvalidRequestError:
    return InvalidRequestError(f"expected a body of {expected}", status=413, code="request_too_large")


def decode(data: bytes) -> Any:
    """The value. Raises InvalidRequestError (400) by the rules above, msgspec's own error if it is not JSON."""
    return read(data)[0]


def read(data: bytes) -> tuple[Any, bool]:
    """The same, and whether `data` is written as we would write that value. Raises as `decode` does."""
    value = _decode(data) if len(data) <= PART else _in_parts(data)
    if len(data) > MAX_DIGITS and _may_have_long_number(data) and _LONG_NUMBER.match(data):
        raise refused_json(f"a number of more than {MAX_DIGITS} digits")
    if len(data) > MAX_DEPTH and data.count(b"{") + data.count(b"[") > MAX_DEPTH and is_deep(value):
        raise refused_json(TOO_DEEP)
    # Of two equal keys the decoder drops one, which is then missing in the text made of the value.
    again = _encode(value)
    if again == data:
        return value, True
    if not _same(again, data):
        json.loads(data, object_pairs_hook=unique)
    return value, False


def _in_parts(data: bytes, decode: Callable[[bytes], Any] = _decode) -> Any:
    """The value of a large text, by calls of which none takes long. Raises what msgspec raises for the whole text."""
    try:
        return {name: _part(bytes(raw), decode) for name, raw in _fields(data).items()}
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return decode(data)  # it is no object, or the error must name the place in the whole text


def _part(data: bytes, decode: Callable[[bytes], Any]) -> Any:
    if len(data) <= PART or not data.startswith(b"["):
        return decode(data)
    found: list[Any] = []
    group: list[bytes] = []
    size = 0
    for raw in _items(data):
        group.append(bytes(raw))
        size += len(group[-1]) + 1
        if size >= PART:
            found += decode(b"[%b]" % b",".join(group))
            group, size = [], 0
    return found + decode(b"[%b]" % b",".join(group))


def _may_have_long_number(data: bytes) -> bool:
    """Whether somewhere two samples in a row, and all between them, are digits."""
    return any(
        not data[found.start() * _STRIDE : found.end() * _STRIDE].strip(b"0123456789.")
        for found in _TWO_DIGITS.finditer(data[::_STRIDE])
    )


def is_deep(value: Any) -> bool:
    """Whether a value is nested deeper than 64 levels."""
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
    """Whether `data` holds no more than `again`, the text of its value, by a quick test: False may be wrong, True not.

    If an equal key was dropped, its quotation marks are missing in `again`. Layout does not change their number; a mark
    inside a text does, if it is written as `\\u0022`.
    """
    if again.count(b'"') != data.count(b'"'):
        return False
    # To look for one byte first takes a tenth of the time, and `find` half as long as `in`.
    return data.find(b"\\") < 0 or data.find(b"u0022") < 0


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Raises InvalidRequestError if two of its keys are equal."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise refused_json("two equal keys in an object")
    return found
