"""A limit on one wait, told by its phase. Knows asyncio, and not what is waited for."""

import asyncio
import builtins
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dragoman.errors import Phase, TimeoutError


@asynccontextmanager
async def limited(seconds: float | None, ends: float, phase: Phase, said: str) -> AsyncIterator[None]:
    """Raises the tree's TimeoutError, saying `said`, after `seconds`, or at the loop's time `ends` (phase `total`)."""
    left = ends - asyncio.get_running_loop().time()
    if seconds is None or left < seconds:
        seconds, phase = left, "total"
    clock = asyncio.timeout(min(seconds, YEAR))
    try:
        async with clock:
            yield
    except builtins.TimeoutError as error:
        if clock.expired():
            raise TimeoutError(said, phase=phase) from error
        raise  # the operating system's own (ETIMEDOUT), which is an OSError


YEAR = 366 * 86400.0
"""Stands for no limit: a timer takes no infinity."""
