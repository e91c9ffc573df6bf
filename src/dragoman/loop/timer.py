"""One timer for a row of deadlines. Knows nothing of what is late."""

import asyncio
import math
from collections.abc import Callable

EARLY = 0.001
"""Seconds that a timer may fire too early: uvloop counts whole milliseconds."""


class DeadlineTimer:
    """Calls back once `deadline` has passed.

    A later deadline needs no new timer: the old one looks at it when it fires.
    """

    __slots__ = ("_at", "_callback", "_loop", "_timer", "deadline")

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self.deadline = math.inf
        self._loop = loop
        self._callback = callback
        self._at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, deadline: float) -> None:
        """Calls back at `deadline`, in the loop's time; infinity: not at all."""
        self.deadline = deadline
        if deadline < self._at:
            if self._timer is not None:
                self._timer.cancel()
            self._at = deadline
            self._timer = self._loop.call_at(deadline, self._fire)

    def stop(self) -> None:
        """Never calls back again."""
        self.deadline = math.inf
        self._callback = _nothing  # else the two would know each other, and only the collector would free them
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        deadline = self.deadline
        self._timer = None
        self._at = math.inf
        if self._loop.time() + EARLY < deadline:
            self.set(deadline)
        else:
            self.deadline = math.inf
            self._callback()


def _nothing() -> None:
    """What a stopped timer calls."""
