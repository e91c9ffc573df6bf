r"""The form of chunks that differ from a decoded one, which held a piece of text, in more than that text.

    data: {"id":"c1","created":1795000000,"choices":[{"delta":{"content":"Hello"}}],"obfuscation":"x7Zq"}\n\n

These are the id and the time, which some services make anew for each chunk, and the padding that OpenAI adds. Of no
chunk but the first anything of these is read. Log probabilities differ in too many ways for a form.
"""

import re

from dragoman.protocols.streams.event_form import NUMBER, Form, form
from dragoman.protocols.streams.lane import INSIDE, PLAIN

FIELD = re.compile(
    rb'"(?:(?:content|reasoning_content|reasoning|arguments|text)": ?"(?P<text>'
    + INSIDE
    + rb')"|created": ?(?P<number>\d++)|(?:id|obfuscation)": ?"(?P<plain>'
    + PLAIN
    + rb')")'
)
KINDS: dict[str, bytes] = {"text": INSIDE, "number": NUMBER, "plain": PLAIN}
PADDING = b'"obfuscation"'


def form_of(event: bytes) -> Form | None:
    """The form of `event`, which was decoded; None if it is written in an unusual way, or holds more than one text."""
    if not (event.startswith(b"data:") and event.endswith(b"}\n\n") and event.find(b"\n") == len(event) - 2):
        return None
    found = [(each.lastgroup or "", each) for each in FIELD.finditer(event)]
    # Services write fields without a text, too.
    holes = [(name, each) for name, each in found if name != "text" or each[name]]
    kinds = tuple([KINDS[name] for name, _ in holes])
    return form(event, [each.span(name) for name, each in holes], kinds) if kinds.count(INSIDE) == 1 else None
