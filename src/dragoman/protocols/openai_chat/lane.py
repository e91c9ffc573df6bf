"""The lane of a stream of chunks, made of one of them; `protocols/streams/lane.py` tells what a lane is."""

import re

from dragoman.protocols.streams.lane import BACKSLASH, Lane

TEXT = re.compile(
    rb'("(?:content|reasoning_content|reasoning|arguments|text)":")([^"\\\r\n]*+(?:\\[^\r\n][^"\\\r\n]*+)*+)"',
)
"""A field that holds a piece of text, in an event that was decoded and is valid."""
USUAL = b'"content":"'
"""The field as most services write it."""


def lane(event: bytes) -> Lane | None:
    """The lane of `event`, which holds one piece of text and nothing else; None if it is written in an unusual way."""
    if not (event.startswith(b"data:") and event.endswith(b"}\n\n") and event.find(b"\n") == len(event) - 2):
        return None
    name, at = USUAL, event.find(USUAL)
    if at >= 0 and BACKSLASH not in event:
        at += len(USUAL)
        end = event.find(b'"', at)
    else:
        found = TEXT.search(event)
        if found is None:
            return None
        name, at, end = found[1], found.start(2), found.end(2)
    return Lane(event[:at], event[end:], name)
