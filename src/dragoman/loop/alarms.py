"""Many alarms of one loop, rung by few of its timers. Does not know whom they wake, or why.

An open stream has two alarms, which are set for a minute and hardly ever ring. A timer of the loop for each would take
half a KiB, in eight objects. So alarms that are due at about the same time share one:

    asked for       rings
    in < LONG s     then: it has a timer for itself, unless another one is due at the very same time
    later           at the next of PARTS times a second, together with all others that are due by then

So a long wait may last 1 / PARTS of a second longer, and no wait ends too early.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Protocol

LONG = 1.0
PARTS = 16
"""At LONG it is 6 % more of a wait, at ten seconds 0.6. By 16, a minute has at most 960 timers."""


class Alarm(Protocol):
    """What is rung."""

    due: float
    """What it was set for, in the loop's time; infinity: it is not set. Only `Alarms` changes the two."""
    rings_at: float
    """When it rings, soon after `due`."""

    def ring(self) -> None:
        """It is due; it is not set any more."""


class Alarms:
    """The alarms of one loop."""

    __slots__ = ("_rows", "loop", "time")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.time: Callable[[], float] = loop.time
        """The loop's time, in seconds."""
        self._rows: dict[float, tuple[dict[Alarm, None], asyncio.TimerHandle]] = {}
        """By when they ring: alarms, in the order in which they were set, and the loop's timer."""

    def set(self, alarm: Alarm, at: float) -> None:
        """Rings `alarm` at `at`, in the loop's time, or soon after; an earlier setting counts no longer."""
        if alarm.due != math.inf:
            self.stop(alarm)
        alarm.due = at
        alarm.rings_at = together = at if at - self.time() < LONG else math.ceil(at * PARTS) / PARTS
        found = self._rows.get(together)
        if found is None:
            found = self._rows[together] = ({}, self.loop.call_at(together, self._ring, together))
        found[0][alarm] = None

    def stop(self, alarm: Alarm) -> None:
        """It does not ring. Nothing happens if it is not set."""
        alarm.due = math.inf
        found = self._rows.get(alarm.rings_at)
        if found is not None:
            row, timer = found
            row.pop(alarm, None)
            if not row:
                timer.cancel()
                del self._rows[alarm.rings_at]

    def _ring(self, together: float) -> None:
        row, _ = self._rows.pop(together)
        for alarm in row:
            if alarm.rings_at != together or alarm.due == math.inf:
                continue  # one that rang before it has set it again, or stopped it
            alarm.due = math.inf
            try:
                alarm.ring()
            except Exception as exc:  # noqa: BLE001  # a failure of one must not silence the others
                self.loop.call_exception_handler({"message": "an alarm failed", "exception": exc})
