"""Functions that are called when a route finds something new of a target: at once, so they must not wait or raise."""

from dragoman.routing.breaker import BreakerChange, Notice
from dragoman.routing.health import Rest, RestNotice


class Notices:
    """The functions of one client."""

    def __init__(self) -> None:
        self._breakers: list[Notice] = []
        self._rests: list[RestNotice] = []

    def hear(self, notice: Notice) -> None:
        """`notice` is called at each change of a target's breaker, from now on."""
        self._breakers.append(notice)

    def hear_rests(self, notice: RestNotice) -> None:
        """`notice` is called at the beginning of each rest of a target, from now on."""
        self._rests.append(notice)

    def turned(self, change: BreakerChange) -> None:
        """A breaker has changed its state."""
        for notice in self._breakers:
            notice(change)

    def rested(self, rest: Rest) -> None:
        """A target begins to rest."""
        for notice in self._rests:
            notice(rest)
