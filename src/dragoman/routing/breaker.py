"""A circuit breaker: whether a target that failed may be asked. A table of states; the time is handed in.

CLOSED     asked as usual                     ─ a number of failures in a row ─> OPEN
OPEN       not asked                          ─ its rest is over, and somebody asks ─> TRYING
TRYING     one request is on its way to it, and no other  ─ it is good ─> CLOSED
                                                          ─ it fails ─> OPEN, for twice as long
                                                          ─ its caller has left ─> OPEN, and may be tried at once

A listener, if there is one, is told each change of the state.
"""

from collections.abc import Callable
from enum import Enum

from msgspec import Struct

LONGEST = 60.0
"""Seconds of a rest, however often it was doubled."""


class State(Enum):
    """The state of a breaker; see above."""

    CLOSED = "closed"
    OPEN = "open"
    TRYING = "half-open"


class BreakerChange(Struct, frozen=True):
    """A change of a breaker's state."""

    target: str
    """Service and model, as `provider/model`."""
    state: State
    """The new one."""
    code: str = ""
    """The code of the failure that opened it; empty if none did."""
    rest: float = 0.0
    """Seconds until it may be asked again; 0: at once."""


Notice = Callable[[BreakerChange], None]
"""Is told a change at once. It must neither wait nor raise."""


class Breaker:
    """The breaker of one target.

    `failures`: so many in a row open it; 0: it never opens. `rest`: seconds of its first rest. `target`: the name for
    `notice`, which is told each change; None: nobody is.
    """

    __slots__ = ("_failures", "_failures_in_a_row", "_first_rest", "_notice", "_rest", "_target", "state", "until")

    def __init__(self, failures: int, rest: float, target: str = "", notice: Notice | None = None) -> None:
        self._target = target
        self._notice = notice
        self._failures = failures
        self._first_rest = self._rest = rest
        self._failures_in_a_row = 0
        self.state = State.CLOSED
        self.until = 0.0
        """When its rest is over."""

    def allows(self, now: float) -> bool:
        """Whether the target may be asked."""
        return self.state is State.CLOSED or (self.state is State.OPEN and now >= self.until)

    def asked(self) -> None:
        """The target is asked: if it rested, this is the trial."""
        if self.state is State.OPEN:
            self._turn(State.TRYING)

    def succeeded(self) -> None:
        """It answered well."""
        self._rest, self._failures_in_a_row = self._first_rest, 0
        if self.state is not State.CLOSED:
            self._turn(State.CLOSED)

    def failed(self, now: float, code: str = "") -> None:
        """It failed, in a way that is its own fault. `code`: that of the error."""
        self._failures_in_a_row += 1
        if self.state is State.TRYING:
            self._rest = min(2 * self._rest, LONGEST)
        elif self.state is State.OPEN or not 0 < self._failures <= self._failures_in_a_row:
            return
        self.until = now + self._rest
        self._turn(State.OPEN, code, self._rest)

    def left(self) -> None:
        """Nobody knows how it would have answered: the caller left, or the request was wrong."""
        if self.state is State.TRYING:
            self._turn(State.OPEN)

    def _turn(self, state: State, code: str = "", rest: float = 0.0) -> None:
        self.state = state
        if self._notice is not None:
            self._notice(BreakerChange(self._target, state, code, rest))
