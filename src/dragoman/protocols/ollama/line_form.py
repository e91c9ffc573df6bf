"""The form of lines that hold a piece of text: they differ in that text and in their time alone."""

import re

from dragoman.protocols.streams.event_form import Form, form
from dragoman.protocols.streams.lane import INSIDE, PLAIN

FIELD = re.compile(rb'"(?:content|response|thinking)": ?"(' + INSIDE + rb')"')
TIME = re.compile(rb'"created_at": ?"(' + PLAIN + rb')"')


def form_of(line: bytes) -> Form | None:
    """The form of `line`; None if it holds more than one text."""
    texts = [found.span(1) for found in FIELD.finditer(line) if found[1]]
    if len(texts) != 1 or not line.endswith(b"\n"):
        return None
    (begin, end), time = texts[0], TIME.search(line)
    if time is None:
        return form(line, ((begin, end),), (INSIDE,))
    return None if time.end() > begin else form(line, (time.span(1), (begin, end)), (PLAIN, INSIDE))
