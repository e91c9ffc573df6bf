"""The form of deltas of text as services write them.

Each is an `event:` line of that name, and one data line, in which one JSON string is the last field. Nothing in them
changes from answer to answer, so that the forms that the service itself writes are known before any comes.
"""

import re
from functools import lru_cache

from dragoman.protocols.streams.event_form import Form, form
from dragoman.protocols.streams.lane import INSIDE

DELTA = re.compile(
    rb"event: ?content_block_delta\n"
    rb'data: ?\{"type": ?"content_block_delta", ?"index": ?(\d++), ?"delta": ?\{'
    rb'"type": ?"(?:text_delta|input_json_delta|thinking_delta)", ?"(?:text|partial_json|thinking)": ?"'
    rb"(" + INSIDE + rb')"\}( *+)\}( *+)\n\n'
)
USUAL = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":""}}\n\n'
FIELDS = ((b"text_delta", b"text"), (b"thinking_delta", b"thinking"), (b"input_json_delta", b"partial_json"))
"""Types of deltas, and their fields."""
BLANKS = rb" *+"
"""The service itself pads deltas with spaces (seen 2026-08)."""
TEXT, PADDED = (INSIDE,), (INSIDE, BLANKS, BLANKS)


def form_of(event: bytes, index: int, *, padded: bool = True) -> Form | None:
    """The form of `event`; None if it is no such delta of the block `index`.

    `padded`: others may have another padding. Without it, matching takes three quarters of the time.
    """
    if not padded:
        for known in _usual(index):
            if known.holds(event):
                return known
    found = DELTA.fullmatch(event)
    if found is None or found[1] != b"%d" % index:
        return None
    if padded or found[3] or found[4]:
        return form(event, (found.span(2), found.span(3), found.span(4)), PADDED)
    return form(event, (found.span(2),), TEXT)


@lru_cache(maxsize=64)
def _usual(index: int) -> tuple[Form, ...]:
    """The forms of deltas of a block as the service itself writes them, without padding."""
    events = [USUAL % (index, kind, field) for kind, field in FIELDS]
    texts = [event.index(b'""') + 1 for event in events]
    return tuple(form(event, ((at, at),), TEXT) for event, at in zip(events, texts, strict=True))
