"""Who is told what routes find of their targets. Each is told at once, and must neither wait nor raise."""

from dragoman.routing.breaker import BreakerChange, Notice
from dragoman.routing.health import Rest, RestNotice


class Notices:
    """Those who want to be told."""

    def __init__(self) -> None:
        self._breakers: list[Notice] = []
        self._rests: list[RestNotice] = []

    def hear(self, notice: Notice) -> None:
        """From now on `notice` is told each change of a target's breaker."""
        self._breakers.append(notice)

    def hear_rests(self, notice: RestNotice) -> None:
        """From now on `notice` is told each rest of a target, when it begins."""
        self._rests.append(notice)

    def turned(self, change: BreakerChange) -> None:
        """A breaker has changed its state."""
        for notice in self._breakers:
            notice(change)

    def rested(self, rest: Rest) -> None:
        """A target begins to rest."""
        for notice in self._rests:
            notice(rest)
