"""The latest events of one stream, within a bound. Knows no caller."""

from collections import deque
from collections.abc import Iterable
from itertools import islice

from dragoman.wire.event_ids import NumberedEvent

OVERHEAD = 160
"""Bytes that Python needs for an event beside its text."""


class EventBuffer:
    """Events in order. What is dropped is dropped from the beginning."""

    def __init__(self) -> None:
        self._events: deque[NumberedEvent] = deque()
        self.size = 0
        """Bytes in memory."""
        self.lost = 0
        """The number of the last event that was dropped; 0 if none was."""
        self.last = 0
        """The number of the last event that came."""

    def add(self, event: NumberedEvent) -> None:
        """Keeps `event`. What is no event is not kept: it means nothing later."""
        if event.counted:
            self._events.append(event)
            self.size += len(event.data) + OVERHEAD
            self.last = event.number

    def trim(self, size: int, upto: int) -> None:
        """Drops events until it has at most `size` bytes, but none after number `upto`."""
        events = self._events
        while self.size > size and events and events[0].number <= upto:
            dropped = events.popleft()
            self.size -= len(dropped.data) + OVERHEAD
            self.lost = dropped.number

    def holds_after(self, number: int) -> bool:
        """Whether it has every event that came after the one with this number, which has come."""
        return self.lost <= number <= self.last

    def after(self, number: int, size: int) -> tuple[bytes, int]:
        """Events after the one with this number, about `size` bytes of them at most; and the number of the last one."""
        out: list[bytes] = []
        # The events have numbers without gaps, so that the first one to send is known by counting.
        for event in islice(self._events, number - self.lost, None):
            out.append(event.data)
            number = event.number
            size -= len(event.data)
            if size <= 0:
                break
        return b"".join(out), number

    def events(self) -> Iterable[NumberedEvent]:
        """Those that are held."""
        return iter(self._events)

    def clear(self) -> None:
        """Drops all."""
        self._events.clear()
        self.size, self.lost = 0, self.last + 1
