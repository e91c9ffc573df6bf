"""Events that a service wrote without a blank line between them, so that the standard makes one event of them."""

from collections.abc import Iterator, Sequence

from dragoman.wire import json
from dragoman.wire.lines import LF
from dragoman.wire.sse import SseEvent, SseReader
from dragoman.wire.utf8 import BLANKS

DONE = b"[DONE]"
"""How Chat ends a stream; some services do so in every dialect. It is no JSON."""


def parted(event: SseEvent) -> Sequence[SseEvent]:
    """The events that `event` is: if its data is no JSON, but each line of it is, one for each line.

    Of several names only the last one is known, so that none of them has it, unless the others are end marks.
    """
    if LF not in event.data or event.stray or json.is_json(event.data):
        return (event,)
    lines = [line for line in (line.strip(BLANKS) for line in event.data.split(b"\n")) if line]
    if not all(line == DONE or json.is_json(line) for line in lines):
        return (event,)
    name = event.event if sum(line != DONE for line in lines) == 1 else b""
    return [SseEvent(line, b"" if line == DONE else name) for line in lines]


def events_in(data: bytes) -> Iterator[SseEvent]:
    """The events in `data`, also the last one if no blank line ends it."""
    reader = SseReader()
    for event in (*reader.feed(data), *reader.finish()):
        yield from parted(event)


def is_complete(data: bytes) -> bool:
    """Whether the data of an event that no blank line ended is complete: all of it is, or its last line."""
    last = data.rstrip(BLANKS).rpartition(b"\n")[2]
    return last.strip(BLANKS) == DONE or json.is_json(data) or json.is_json(last)
