"""One timer for a changing deadline. Does not know what the deadline is for."""

import math
from typing import Protocol

from dragoman.loop.alarms import Alarms

EARLY = 0.001
"""Seconds that a timer may fire too early: uvloop counts whole milliseconds."""


class Waiting(Protocol):
    """Who has such a timer."""

    def late(self) -> None:
        """The deadline has passed."""


class DeadlineTimer:
    """Calls its owner's `late` once `deadline` has passed.

    Deadlines move with each read and write, mostly to a later time, and an alarm costs more than a number. So a later
    deadline needs no new alarm: the old one rings, sees the new deadline, and is set for the rest.
    """

    __slots__ = ("_alarms", "_owner", "deadline", "due", "rings_at")

    def __init__(self, alarms: Alarms, owner: Waiting) -> None:
        self.deadline = math.inf
        """In the loop's time, in seconds; infinity: none."""
        self._alarms = alarms
        # No method of it, which would be one object more for each connection.
        self._owner: Waiting | None = owner
        self.due = math.inf
        """What the alarm is set for. A later deadline than this, as most are, may be assigned, which saves a call."""
        self.rings_at = math.inf

    def set(self, deadline: float) -> None:
        """Calls back at `deadline`, in the loop's time; infinity: never."""
        self.deadline = deadline
        if deadline < self.due:
            self._alarms.set(self, deadline)

    def stop(self) -> None:
        """Never calls back again."""
        self.deadline = math.inf
        self._owner = None  # else timer and owner refer to each other, and only the garbage collector frees them
        self._alarms.stop(self)

    def ring(self) -> None:
        """The alarm; the deadline may have moved since it was set."""
        deadline = self.deadline
        if self._alarms.time() + EARLY < deadline:
            self.set(deadline)
        elif self._owner is not None:
            self.deadline = math.inf
            self._owner.late()
