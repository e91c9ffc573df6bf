"""One timer for a changing deadline. Does not know what the deadline is for."""

import asyncio
import math
from typing import Protocol

EARLY = 0.001
"""Seconds that a timer may fire too early: uvloop counts whole milliseconds."""


class Waiting(Protocol):
    """Who has such a timer."""

    def late(self) -> None:
        """The deadline has passed."""


class DeadlineTimer:
    """Calls its owner's `late` once `deadline` has passed.

    Deadlines move with each read and write, mostly to a later time, and a timer of the loop costs more than a number.
    So a later deadline needs no new timer: the old one fires, sees the new deadline, and waits for the rest.
    """

    __slots__ = ("_loop", "_owner", "_timer", "deadline", "due")

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Waiting) -> None:
        self.deadline = math.inf
        """In the loop's time, in seconds; infinity: none."""
        self._loop = loop
        # No method of it, which would be one object more for each connection.
        self._owner: Waiting | None = owner
        self.due = math.inf
        """When the loop's timer fires: never later than `deadline`. A later deadline than this, as most are, may
        be assigned, which saves a call."""
        self._timer: asyncio.TimerHandle | None = None

    def set(self, deadline: float) -> None:
        """Calls back at `deadline`, in the loop's time; infinity: never."""
        self.deadline = deadline
        if deadline < self.due:
            if self._timer is not None:
                self._timer.cancel()
            self.due = deadline
            self._timer = self._loop.call_at(deadline, self._fire)

    def stop(self) -> None:
        """Never calls back again."""
        self.deadline = math.inf
        self._owner = None  # else timer and owner refer to each other, and only the garbage collector frees them
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        deadline = self.deadline
        self._timer = None
        self.due = math.inf
        if self._loop.time() + EARLY < deadline:
            self.set(deadline)
        elif self._owner is not None:
            self.deadline = math.inf
            self._owner.late()
