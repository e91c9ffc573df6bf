"""When a second target is asked: after the time in which nearly all requests of the route have content. No clock."""

from collections import deque
from math import ceil

KEPT = 100
"""Times that are kept: enough for a 95th percentile, and few enough to follow a service that changes within minutes."""

ENOUGH = 20
"""Times that must be known before they are used: of fewer, the 95th percentile is just the longest one."""

SHARE = 0.95
"""The part of all requests that have content by then, so that about one in twenty is sent twice."""


class HedgeTime:
    """The times to first content of one route.

    `first`: seconds that hold until enough of them are known; None: until then no second target is asked.
    """

    def __init__(self, first: float | None = None) -> None:
        self._first = first
        self._times: deque[float] = deque(maxlen=KEPT)

    def measured(self, seconds: float) -> None:
        """A request had its first content after so many seconds."""
        self._times.append(seconds)

    def seconds(self) -> float | None:
        """Seconds without content after which another target is asked; None: none is."""
        if len(self._times) < ENOUGH:
            return self._first
        return sorted(self._times)[ceil(SHARE * len(self._times)) - 1]
