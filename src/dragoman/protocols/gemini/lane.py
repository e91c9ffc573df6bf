r"""Events that differ from a decoded one, which held a piece of text, in what changes from event to event alone.

    data: {"candidates":[{"content":{"parts":[{"text":"Hello"}]}}],"usageMetadata":{"candidatesTokenCount":3}}\r\n\r\n
    └────────────────────── before ───────────────────┘     └─────────────────── after, but for the 3 ────────────────┘

Such an event cannot hold a failure, a call or a reason to stop: each of these would need a quotation mark that ends the
string.
"""

import re

from dragoman.protocols.lane import INSIDE, PLAIN, PatternRows, rows_between
from dragoman.protocols.sse_tap import ENDS

FIELD = re.compile(rb'"text": ?"')
WORDS = re.compile(INSIDE + rb'"')
CHANGING = re.compile(rb'(?<=Count":)( ?)\d+|(?<="responseId":)( ?")' + PLAIN)
"""A count of tokens, which grows from event to event; and the answer's id, so that one pattern does for all answers."""


def lane(event: bytes) -> PatternRows | None:
    """The lane of `event`; None if it is written in an unusual way."""
    found = FIELD.search(event)
    words = None if found is None else WORDS.match(event, found.end())
    if found is None or words is None or not event.startswith(b"data:") or not event.endswith(ENDS):
        return None
    return rows_between(_pattern(event[: found.end()]), _pattern(event[words.end() - 1 :]))


def _pattern(data: bytes) -> bytes:
    pattern, at = b"", 0
    for found in CHANGING.finditer(data):
        blank, quote = found.groups()
        pattern += re.escape(data[at : found.start()] + (blank or quote or b"")) + (PLAIN if quote else rb"\d++")
        at = found.end()
    return pattern + re.escape(data[at:])
