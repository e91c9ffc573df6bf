"""The timeouts of one exchange: what is waited for, and until when. Knows no socket."""

import math
from typing import Literal

from dragoman.errors import Phase, TimeoutError
from dragoman.loop.alarms import Alarms
from dragoman.loop.timer import EARLY, DeadlineTimer, Waiting
from dragoman.transport.base import Timeouts
from dragoman.transport.timeout import late

Wait = Phase | Literal["quiet"]
"""What is waited for. `quiet` is the first part of `idle`: its end is no failure, and the rest of `idle` follows."""


WITHIN_BODY = frozenset({"quiet", "idle"})
"""The waits for more of the body."""


class Waits(DeadlineTimer):
    """Calls back when the present wait, or the exchange itself, has taken too long."""

    # It is a timer and does not own one: that saves an object for each connection, and a call for each wait.
    __slots__ = ("content", "ends", "first_byte", "idle", "patience", "phase", "timeouts")

    timeouts: Timeouts | None
    """The limits of the waits; see `adopt`."""
    phase: Wait
    """What the deadline belongs to."""
    first_byte: float
    """Seconds; infinity: no limit. So are the next two."""
    idle: float
    patience: float
    """The silence after which `quiet` is over: the shorter of `Timeouts.idle` and `Timeouts.end`."""
    ends: float
    """The loop's time at which the exchange must be over."""
    content: float
    """The loop's time at which there must be content, if that comes before `ends`; else infinity."""

    def __init__(self, alarms: Alarms, owner: Waiting) -> None:
        super().__init__(alarms, owner)
        self.phase = "total"
        self.timeouts = None
        self.first_byte = self.idle = self.patience = math.inf
        self.content = self.ends = math.inf

    def adopt(self, timeouts: Timeouts) -> None:
        """From here on the waits have these limits."""
        self.timeouts = timeouts
        self.first_byte = math.inf if timeouts.first_byte is None else timeouts.first_byte
        self.idle = math.inf if timeouts.idle is None else timeouts.idle
        self.patience = self.idle if timeouts.end is None else min(self.idle, timeouts.end)

    def limit(self, seconds: float, phase: Wait) -> Phase | None:
        """Another wait begins, of at most `seconds`. Returns the phase whose time is over already, as `over` does."""
        now = self._alarms.time()
        deadline = now + seconds
        if deadline > self.content:
            deadline, phase = self.content, "first_token"
        if deadline > self.ends:
            deadline, phase = self.ends, "total"
        self.phase = phase
        if deadline < self.due:
            self.set(deadline)
        else:
            self.deadline = deadline
        return "first_token" if self.content <= now else "total" if self.ends <= now else None

    def over(self) -> Phase | None:
        """The phase of the whole exchange whose time is over; None if none is."""
        now = self._alarms.time()
        return "first_token" if self.content <= now else "total" if self.ends <= now else None

    def goes_on(self, heard_at: float) -> bool:
        """The wait for more of the body is over; but if something came during it, at `heard_at`, it goes on.

        False if nothing came.
        """
        quiet, silence = self.phase == "quiet", self._alarms.time() - heard_at
        if silence < self.patience - EARLY:
            self.limit(self.patience - silence, "quiet")
        elif not quiet and silence < self.idle - EARLY:
            self.limit(self.idle - silence, "idle")
        else:
            return False
        return True

    def error(self, phase: Phase, host: str) -> TimeoutError:
        """The error of a wait for `host` that took too long."""
        return late(phase, host, getattr(self.timeouts, phase))
