r"""The form of events that hold a piece of a text and nothing else: nearly all events of a stream do.

    event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hello","item_id":"m1",…}\n\n

They differ in the text, in their number, and in padding that the service adds.
"""

import re

from dragoman.protocols.streams.event_form import NUMBER, Form, form
from dragoman.protocols.streams.lane import INSIDE, PLAIN

NAMES = frozenset(
    {
        b"event: response.output_text.delta",
        b"event: response.reasoning_text.delta",
        b"event: response.reasoning_summary_text.delta",
        b"event: response.function_call_arguments.delta",
        b"event: response.custom_tool_call_input.delta",
    }
)
"""The lines with the names of such events. A refusal is not among them, because a tap must know of it."""

FIELD = re.compile(rb'"(?:delta": ?"(' + INSIDE + rb')"|sequence_number": ?(\d++)|obfuscation": ?"(' + PLAIN + rb')")')
KINDS = (b"", INSIDE, NUMBER, PLAIN)
"""What stands in each group."""


def form_of(event: bytes) -> Form | None:
    """The form of `event`, a usual one that was decoded (see `wire.sse`); None if it is of another kind."""
    name = event[: event.find(b"\n")]
    if name not in NAMES:
        return None
    found = list(FIELD.finditer(event, len(name)))
    kinds = tuple([KINDS[each.lastindex or 0] for each in found])
    return form(event, [each.span(each.lastindex or 0) for each in found], kinds) if kinds.count(INSIDE) == 1 else None
