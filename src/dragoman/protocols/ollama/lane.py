"""Lines that differ from a decoded one, which held a piece of text, in that text and in their time alone."""

import re

from dragoman.protocols.lane import INSIDE, PLAIN, PatternRows, rows_between

FIELD = re.compile(rb'"(?:content|response|thinking)": ?"(' + INSIDE + rb')"')
TIME = re.compile(rb'"created_at": ?"(' + PLAIN + rb')"')


def lane(line: bytes) -> PatternRows | None:
    """The lane of `line`; None if it holds more than one text."""
    texts = [found.span(1) for found in FIELD.finditer(line) if found[1]]
    if len(texts) != 1 or not line.endswith(b"\n"):
        return None
    (begin, end), time = texts[0], TIME.search(line)
    if time is None:
        return rows_between(re.escape(line[:begin]), re.escape(line[end:]))
    if time.end() > begin:
        return None
    before = re.escape(line[: time.start(1)]) + PLAIN + re.escape(line[time.end(1) : begin])
    return rows_between(before, re.escape(line[end:]))
