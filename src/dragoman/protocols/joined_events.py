"""Events that a service wrote without a blank line between them, so that the standard makes one event of them."""

from collections.abc import Sequence

from dragoman.errors import BadEventError
from dragoman.wire import json
from dragoman.wire.sse import SseEvent
from dragoman.wire.utf8 import BLANKS

DONE = b"[DONE]"
"""The end mark of several dialects, which is no JSON."""
ERROR = b"error"
"""An event of this name may say anything."""


def parted(event: SseEvent) -> Sequence[SseEvent]:
    """The events that `event` is: if its data is no JSON, but each line of it is, one without a name for each line."""
    if b"\n" not in event.data or event.stray or event.event == ERROR or _is_json(event.data):
        return (event,)
    lines = [line for line in (line.strip(BLANKS) for line in event.data.split(b"\n")) if line]
    return [SseEvent(line) for line in lines] if all(line == DONE or _is_json(line) for line in lines) else (event,)


def is_complete(data: bytes) -> bool:
    """Whether the data of an event that no blank line ended is complete: all of it is, or its last line."""
    last = data.rstrip(BLANKS).rpartition(b"\n")[2]
    return last.strip(BLANKS) == DONE or _is_json(data) or _is_json(last)


def _is_json(text: bytes) -> bool:
    try:
        json.decode_loosely(text)
    except BadEventError:
        return False
    return True
