"""A limit of one wait, whose error names its phase. Knows asyncio, and not what is waited for."""

import asyncio
import builtins
from types import TracebackType

from dragoman.errors import Phase
from dragoman.transport.deadlines import late

YEAR = 366 * 86400.0
"""Used for "no limit", because a timer does not accept infinity."""


class timeout:  # noqa: N801  # read as words, like asyncio.timeout
    """Raises the tree's TimeoutError after `seconds` of waiting for `host`, or at the loop's time `ends` (`total`)."""

    __slots__ = ("_clock", "_host", "_limit", "_phase")

    def __init__(
        self, seconds: float | None, ends: float, phase: Phase, host: str, *, limit: float | None = None
    ) -> None:
        """`limit`: the seconds that the error names, if a part of them had passed before."""
        left = ends - asyncio.get_running_loop().time()
        self._limit = seconds if limit is None else limit
        if seconds is None or left < seconds:
            seconds, phase = left, "total"
            self._limit = None
        self._clock = asyncio.timeout(min(seconds, YEAR))
        self._phase = phase
        self._host = host

    async def __aenter__(self) -> None:
        await self._clock.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._clock.__aexit__(kind, error, trace)
        except builtins.TimeoutError as exc:
            if self._clock.expired():
                raise late(self._phase, self._host, self._limit) from exc
            raise  # the operating system's own (ETIMEDOUT), which is an OSError
