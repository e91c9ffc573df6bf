r"""The form of events that hold a piece of a text and nothing else: nearly all events of a stream do.

    event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Hello","item_id":"m1",…}\n\n

They differ in the text, in their number, and in padding that the service adds.
"""

import re

from dragoman.protocols.event_form import NUMBER, Form, form
from dragoman.protocols.lane import INSIDE, PLAIN
from dragoman.wire.sse import usual_event

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

FIELD = re.compile(
    rb'"(?:delta": ?"(?P<text>'
    + INSIDE
    + rb')"|sequence_number": ?(?P<number>\d++)|obfuscation": ?"(?P<plain>'
    + PLAIN
    + rb')")'
)
KINDS: dict[str | None, bytes] = {"text": INSIDE, "number": NUMBER, "plain": PLAIN}


def form_of(event: bytes) -> Form | None:
    """The form of `event`, which was decoded; None if it is of another kind."""
    usual = usual_event(event)
    if usual is None or usual[0] not in NAMES:
        return None
    found = [(each.lastgroup or "", each) for each in FIELD.finditer(event, len(usual[0]))]
    kinds = tuple([KINDS[name] for name, _ in found])
    return form(event, [each.span(name) for name, each in found], kinds) if kinds.count(INSIDE) == 1 else None
