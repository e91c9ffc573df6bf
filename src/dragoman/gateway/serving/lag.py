"""How late an event loop is: whether its processor has more to do than it can do in time. Knows no HTTP.

A timer that is due each STEP is run when the loop comes round to it. One late run means nothing: a large body was read.
If for WINDOW seconds not one run is in time, more work comes than is done, and the queue only grows. (CoDel looks at
the shortest of the latest waits for the same reason: https://www.rfc-editor.org/rfc/rfc8289.)
"""

import asyncio
from collections.abc import Callable

STEP = 0.05
"""Seconds from one look to the next: twenty looks a second cost a worker a thousandth of its processor."""

WINDOW = 0.5
"""Seconds without one look in time, after which the loop lags."""


class LagWatch:
    """Tells `changed` when the loop begins to be late by more than `limit` seconds all the time, and when it ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: float, changed: Callable[[bool], None]) -> None:
        self._loop = loop
        self._limit = limit
        self._changed = changed
        self._lags = False
        self._late_since: float | None = None
        """When the loop was late for the first time since it was last in time."""
        self._due = loop.time() + STEP
        self._timer = loop.call_at(self._due, self._look)

    def stop(self) -> None:
        """Looks no more."""
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        if now - self._due <= self._limit:
            self._late_since = None
            self._tell(lags=False)
        elif self._late_since is None:
            self._late_since = self._due
        elif now - self._late_since >= WINDOW:
            self._tell(lags=True)
        self._due = now + STEP
        self._timer = self._loop.call_at(self._due, self._look)

    def _tell(self, *, lags: bool) -> None:
        if lags is not self._lags:
            self._lags = lags
            self._changed(lags)
