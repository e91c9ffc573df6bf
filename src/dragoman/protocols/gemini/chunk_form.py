r"""The form of events that differ from a decoded one, which held a piece of text, in what changes from event to event.

    data: {"candidates":[{"content":{"parts":[{"text":"Hello"}]}}],"usageMetadata":{"candidatesTokenCount":3}}\r\n\r\n

These are the text and the counts of tokens, which grow.
"""

import re

from dragoman.protocols.streams.event_form import NUMBER, Form, form
from dragoman.protocols.streams.lane import INSIDE
from dragoman.protocols.streams.sse_tap import ENDS
from dragoman.wire.lines import CR, LF

FIELD = re.compile(rb'"text": ?"(' + INSIDE + rb')"')
COUNT = re.compile(rb'Count": ?(\d++)')


def form_of(event: bytes) -> Form | None:
    """The form of `event`; None if it is written in an unusual way, such as over several lines."""
    text = FIELD.search(event)
    line = event.rstrip(b"\r\n")
    if text is None or not event.startswith(b"data:") or not event.endswith(ENDS) or LF in line or CR in line:
        return None
    begin, end = text.span(1)
    before = [found.span(1) for found in COUNT.finditer(event, 0, begin)]
    after = [found.span(1) for found in COUNT.finditer(event, end)]
    return form(event, [*before, (begin, end), *after], (*(NUMBER,) * len(before), INSIDE, *(NUMBER,) * len(after)))
