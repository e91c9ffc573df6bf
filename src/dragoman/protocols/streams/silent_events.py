"""Events that say nothing: some services write them as a sign of life, and callers fail at them. Knows no dialect.

A comment is none of them: it is the standard's own sign of life, which every caller passes over.
"""

from dragoman.protocols.streams.joined_events import events_in
from dragoman.wire.sse import SseEvent
from dragoman.wire.utf8 import BLANKS

SILENCE = frozenset({b"", b"null", b"{}"})
"""What the data of such an event is."""

SIGNS_OF_LIFE = frozenset({b"ping", b"keepalive", b"keep-alive", b"heartbeat"})
"""Names of such events; others mean something, whatever their data is. A dialect may have one of its own, whose data
its callers read: those that have other data pass."""
NAMES = SIGNS_OF_LIFE | {b"", b"message"}

MOST = 256
"""Bytes of such an event."""
LAST = (b"data", b":", b"null", b"{}", *SIGNS_OF_LIFE)
"""How it ends: nothing else is read twice."""


def says_nothing(event: bytes) -> bool:
    """Whether `event`, all bytes to a blank line, is one that says nothing."""
    if len(event) > MOST or not event.rstrip(BLANKS).endswith(LAST):
        return False
    found = tuple(events_in(event))
    if not found:  # by the standard it is none; OpenAI's client for Python (3.57) takes a name alone for one, and fails
        return event.startswith(b"event:")
    return all(map(is_silent, found))


def is_silent(event: SseEvent) -> bool:
    """The same of an event that was read."""
    if event.stray or event.event not in NAMES:
        return False
    data = event.data.strip(BLANKS)
    return data in SILENCE or (event.event in SIGNS_OF_LIFE and data == event.event)
