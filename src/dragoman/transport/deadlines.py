"""The waits of one exchange, each with its limit. Knows no socket."""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar
from urllib.parse import urlsplit

from dragoman import errors
from dragoman.errors import Phase
from dragoman.transport.base import Route, Timeouts
from dragoman.transport.timeout import late, timeout

T = TypeVar("T")


class Deadlines:
    """The clock of one exchange, which has begun `passed` seconds ago."""

    def __init__(self, timeouts: Timeouts, url: str, *, passed: float = 0.0) -> None:
        self.timeouts = timeouts
        self.host = urlsplit(url).netloc.rpartition("@")[2]
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time() - passed

    def passed(self) -> float:
        """Seconds since the start."""
        return self._loop.time() - self._start

    def left(self) -> float | None:
        """Seconds until the whole exchange has taken too long. Raises TimeoutError if it has."""
        if self.timeouts.total is None:
            return None
        left = self.timeouts.total - self.passed()
        if left <= 0:
            raise self.over("total", self.timeouts.total)
        return left

    async def within(self, what: Callable[[], Awaitable[T]], phase: Phase, limit: float | None) -> T:
        """The result of `what`. Raises TimeoutError if it takes over `limit` seconds, or the exchange its total."""
        left, named = self.left(), limit
        if left is not None and (limit is None or left < limit):
            phase, limit, named = "total", left, self.timeouts.total
        async with timeout(limit, inf, phase, self.host, limit=named):
            return await what()

    def over(self, phase: Phase, limit: float | None) -> errors.TimeoutError:
        """The error for a wait of more than `limit` seconds."""
        return late(phase, self.host, limit or 0)


def opening(route: Route, url: str) -> float | None:
    """Seconds that all steps to an open connection may take together; None if one of them has no limit."""
    timeouts = route.timeouts
    steps = [timeouts.connect]
    if url.startswith("https:"):
        steps.append(timeouts.tls)
    if route.proxy:
        steps.append(timeouts.proxy)
    return together(*steps)


def together(*limits: float | None) -> float | None:
    """The sum of `limits`; None if one of them is no limit."""
    known = [limit for limit in limits if limit is not None]
    return sum(known) if len(known) == len(limits) else None
