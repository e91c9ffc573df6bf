r"""A fast test for events that hold a piece of a text and nothing else: nearly all events of a stream do.

A service writes all such events in the same way, with the same fields in the same order:

    event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hello","item_id":"m1",…}\n\n

From one of them, which was decoded and had known fields only, a pattern is made that matches them all. A field of such
an event is a text, a number or an empty list, so that neither a failure nor an end can stand in it.

What a pattern does not match costs time alone: it is decoded like any other event. Escapes are not checked further: a
wrong `\u12` passes as the service sent it.
"""

import re
from functools import lru_cache

from msgspec import Struct

from dragoman.protocols.lane import INSIDE, NOTHING, NOTHING_HERE, PLAIN, Taken

NAMES = frozenset(
    {
        b"response.output_text.delta",
        b"response.reasoning_text.delta",
        b"response.reasoning_summary_text.delta",
        b"response.function_call_arguments.delta",
        b"response.custom_tool_call_input.delta",
    }
)
"""Events with a piece of a text. A refusal is not among them, because a tap must know of it."""

NUMBER = rb"\d++"

FIELD = re.compile(
    rb'"(?:delta": ?"(?P<text>' + INSIDE + rb')"|(?:obfuscation|item_id)": ?"(?P<plain>' + PLAIN + rb')"'
    rb'|(?:sequence_number|content_index|output_index|summary_index)": ?(?P<number>' + NUMBER + rb")"
    rb'|logprobs": ?\[\]|type": ?"[a-z_.]++")'
)
"""A field that such an event may have, and its value if that differs between events."""
VALUES: dict[str | None, bytes] = {"text": INSIDE, "plain": PLAIN, "number": NUMBER}
SEQUENCE = b'"sequence_number"'
COMMA = re.compile(rb", ?")
BEGIN, DATA, END = b"event: ", b"\ndata: {", b"}\n\n"

MAX_FIELDS = 16


class Rows(Struct, frozen=True, gc=False):
    """Events of one form. `place`: the fields that say which text they are of, as each of them must have them."""

    row: re.Pattern[bytes]
    text: re.Pattern[bytes]
    place: tuple[bytes, ...]

    def take(self, data: bytes, at: int) -> Taken:
        """See TextRows."""
        found = self.row.match(data, at)
        if found is None:
            return NOTHING
        row = found[0]
        texts = self.text.findall(row)
        if any(row.count(field) != len(texts) for field in self.place):
            return NOTHING_HERE
        return texts, len(row)


def rows_like(event: bytes) -> Rows | None:
    """The form of rows of events that are written as `event` is, which was decoded; None if it has other fields."""
    begin, end = event.find(DATA), len(event) - len(END)
    if begin < 0 or event.find(END) != end or event[len(BEGIN) : begin] not in NAMES:
        return None
    at, done = begin + len(DATA), 0
    pattern: list[bytes] = []
    place: list[bytes] = []
    for _ in range(MAX_FIELDS):
        found = FIELD.match(event, at)
        if found is None:
            return None
        at = found.end()
        if (value := found.lastgroup) is not None:
            pattern += [re.escape(event[done : found.start(value)]), VALUES[value]]
            done = found.end(value)
            if value == "number" and not found[0].startswith(SEQUENCE):
                place.append(event[found.start() : at + 1])
        if at == end:
            pattern.append(re.escape(event[done:]))
            if pattern.count(INSIDE) != 1:
                return None
            return Rows(*_compiled(tuple(pattern)), tuple(place))
        comma = COMMA.match(event, at)
        if comma is None:
            return None
        at = comma.end()
    return None


@lru_cache(maxsize=64)
def _compiled(pattern: tuple[bytes, ...]) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """For one event or several, and for the text of one; a service writes its events in few ways."""
    text = b"".join(b"(" + piece + b")" if piece == INSIDE else piece for piece in pattern)
    return re.compile(b"(?:" + b"".join(pattern) + b")++"), re.compile(text)
