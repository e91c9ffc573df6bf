"""A limit on one wait, told by its phase. Knows asyncio, and not what is waited for."""

import asyncio
import builtins
from types import TracebackType

from dragoman.errors import Phase, TimeoutError

YEAR = 366 * 86400.0
"""Stands for no limit: a timer takes no infinity."""


class timeout:  # noqa: N801  # read as words, like asyncio.timeout
    """Raises the tree's TimeoutError, saying `said`, after `seconds`, or at the loop's time `ends` (phase `total`)."""

    __slots__ = ("_clock", "_phase", "_said")

    def __init__(self, seconds: float | None, ends: float, phase: Phase, said: str) -> None:
        left = ends - asyncio.get_running_loop().time()
        if seconds is None or left < seconds:
            seconds, phase = left, "total"
        self._clock = asyncio.timeout(min(seconds, YEAR))
        self._phase = phase
        self._said = said

    async def __aenter__(self) -> None:
        await self._clock.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._clock.__aexit__(kind, error, trace)
        except builtins.TimeoutError as late:
            if self._clock.expired():
                raise TimeoutError(self._said, phase=self._phase) from late
            raise  # the operating system's own (ETIMEDOUT), which is an OSError
