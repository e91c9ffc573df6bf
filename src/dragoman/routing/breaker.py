"""A circuit breaker: whether a target that failed may be asked. A table of states; the time is handed in.

CLOSED     asked as usual                     ─ a number of failures in a row ─> OPEN
OPEN       not asked                          ─ its rest is over, and somebody asks ─> TRYING
TRYING     one request is on its way to it, and no other  ─ it is good ─> CLOSED
                                                          ─ it fails ─> OPEN, for twice as long
                                                          ─ its caller has left ─> OPEN, and may be tried at once

A listener, if there is one, is told each change of the state. Processes that share a board tell each other of theirs:
a closed breaker opens if another process's has, and closes again if that one does, or if its own trial is good.
"""

from collections.abc import Callable
from enum import Enum

from msgspec import Struct

from dragoman.routing.board import UNSHARED, Hint

LONGEST = 60.0
"""Seconds of a rest, however often it was doubled, unless the first one is longer."""


ELSEWHERE = "elsewhere"
"""The code of a change that another process has told."""


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
    """The code of the failure that opened it, or ELSEWHERE; empty if none did."""
    rest: float = 0.0
    """Seconds until it may be asked again; 0: at once."""


Notice = Callable[[BreakerChange], None]
"""Is told a change at once. It must neither wait nor raise."""


class Breaker:
    """The breaker of one target.

    `failures`: so many in a row open it; 0: it never opens. `rest`: seconds of its first rest. `target`: the name for
    `notice`, which is told each change; None: nobody is. `hint`: until when other processes' breakers are open.
    """

    __slots__ = (
        "_failures",
        "_failures_in_a_row",
        "_first_rest",
        "_hint",
        "_is_told",
        "_notice",
        "_rest",
        "state",
        "target",
        "until",
    )

    def __init__(
        self, failures: int, rest: float, target: str = "", notice: Notice | None = None, hint: Hint = UNSHARED
    ) -> None:
        self.target = target
        """Service and model, as `provider/model`."""
        self._notice = notice
        self._hint = hint
        self._is_told = False
        """Whether it is open only because another process has told so."""
        self._failures = failures
        self._first_rest = self._rest = rest
        self._failures_in_a_row = 0
        self.state = State.CLOSED
        self.until = 0.0
        """When its rest is over."""

    def allows(self, now: float) -> bool:
        """Whether the target may be asked."""
        return self.state is State.CLOSED or (self.state is State.OPEN and now >= self.until)

    def asked(self, now: float) -> bool:
        """The target is asked. Whether this is the trial after its rest; before that, a request had no choice."""
        is_trial = self.state is State.OPEN and now >= self.until
        if is_trial:
            self._turn(State.TRYING)
        return is_trial

    def succeeded(self) -> None:
        """It answered well."""
        self._rest, self._failures_in_a_row = self._first_rest, 0
        if self.state is not State.CLOSED:
            self._turn(State.CLOSED)
            self._hint.write(0.0)

    def failed(self, now: float, code: str = "", *, trial: bool = True) -> None:
        """It failed by its own fault. `code`: that of the error. `trial`: what `asked` has said of the request."""
        self._failures_in_a_row += 1
        if self.state is State.TRYING:
            if not trial:
                return  # it was begun before the target had rested
            self._rest = min(2 * self._rest, max(LONGEST, self._first_rest))
        elif self.state is State.OPEN or not 0 < self._failures <= self._failures_in_a_row:
            return
        self.until = now + self._rest
        self._turn(State.OPEN, code, self._rest)
        self._hint.write(self.until)

    def left(self, *, trial: bool = True) -> None:
        """Nobody knows how it would have answered: the caller left, or the request was wrong. `trial`: see `failed`."""
        if trial and self.state is State.TRYING:
            self._turn(State.OPEN)

    def look(self, now: float) -> None:
        """Looks at what other processes have found."""
        until = self._hint.read()
        if self.state is State.CLOSED and until > now and self._failures:
            self.until = until
            self._turn(State.OPEN, ELSEWHERE, until - now)
            self._is_told = True
        elif self.state is State.OPEN and self._is_told and not until:
            self._turn(State.CLOSED, ELSEWHERE)

    def inherit(self, earlier: "Breaker") -> None:
        """Takes the state of `earlier`, which it replaces, if both have the same settings. This notifies nobody."""
        if (self._failures, self._first_rest) != (earlier._failures, earlier._first_rest):
            return
        # A trial that `earlier` has begun reports to `earlier` alone. So this one makes a trial of its own.
        self.state = State.CLOSED if earlier.state is State.CLOSED else State.OPEN
        self.until, self._rest = earlier.until, earlier._rest
        self._failures_in_a_row, self._is_told = earlier._failures_in_a_row, earlier._is_told

    def _turn(self, state: State, code: str = "", rest: float = 0.0) -> None:
        self.state = state
        self._is_told = False
        if self._notice is not None:
            self._notice(BreakerChange(self.target, state, code, rest))
