"""The stream of an answer that a service keeps, as it passes to a caller who has come back: from any event on.

Complete events pass as they came. How it ends must be known, because a caller asks again from the last number that it
has: a stream that breaks off is told with the next number, and half an event does not pass.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from dragoman.errors import BadEventError, DragomanError
from dragoman.protocols.openai_responses.encode_errors import failure
from dragoman.protocols.openai_responses.events import ENDS, ERROR, FAILED, name_of
from dragoman.protocols.operations import KeptStream
from dragoman.wire import json
from dragoman.wire.event_ids import EventIds, NumberedEvent
from dragoman.wire.floats import reader
from dragoman.wire.sse import END, MAX_EVENT, SseReader, blank_line

FAILURES = frozenset({FAILED, ERROR})
LAST = FAILURES | ENDS.keys()
"""The events after which nothing more has to come."""


EDGE = 3
"""Bytes: `\\r\\n\\r\\n` may be cut after each of them."""


class _Numbered(Struct, gc=False):
    sequence_number: Any = None


_decode = reader(_Numbered)


class KeptEvents(KeptStream):
    """The events of the answer with the id `name`; `cleaned`: what a service says of a failure, without secrets."""

    def __init__(self, name: str, cleaned: Callable[[str], str]) -> None:
        self._name = name
        self._cleaned = cleaned
        self._events = EventIds()
        self._waiting: list[bytes] = []
        """What has come since the last end of an event: joined once that one ends."""
        self._size = 0
        """Its bytes."""
        self._edge = b""
        """The last bytes that came: half an end of an event, perhaps."""
        self._number = -1
        """That of the last event."""
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        """See KeptStream. Raises BadEventError for an event of more than MAX_EVENT bytes."""
        self._waiting.append(data)
        self._size += len(data)
        ends = blank_line(self._edge + data, 0) > 0
        self._edge = data[-EDGE:]
        if ends:
            return self._passed(self._events.feed(self._joined()))
        if self._size > MAX_EVENT:
            raise BadEventError(f"expected events of at most {MAX_EVENT} bytes, got a longer one")
        return b""

    def finish(self) -> bytes:
        passing = self._passed(self._events.feed(self._joined()))
        rest = [self._read(event) for event in self._events.finish()]
        # The last event may lack its blank line; any other that does is half an event.
        return passing + b"".join(data + END for data in rest if self._ended)

    @property
    def whole(self) -> bool:
        # Who has the last event already is told nothing more.
        return self._ended or not self._events.count

    def failure(self, error: DragomanError) -> bytes:
        return failure(error, {"id": self._name, "object": "response", "output": []}, self._number + 1)

    def _joined(self) -> bytes:
        data, self._waiting, self._size = b"".join(self._waiting), [], 0
        return data

    def _passed(self, events: list[NumberedEvent]) -> bytes:
        return b"".join([self._read(event) for event in events])

    def _read(self, block: NumberedEvent) -> bytes:
        """What may pass of an event."""
        data = block.data
        for event in SseReader().feed(data + END):
            try:
                number = _decode(event.data).sequence_number
            except json.NOT_STRICT:
                continue
            name = name_of(event.event, event.data)
            self._number = number if isinstance(number, int) else self._number
            self._ended = self._ended or name in LAST
            if name in FAILURES:
                data = self._cleaned(data.decode("utf-8", "replace")).encode()
        return data
