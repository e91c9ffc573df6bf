"""Something that is done again and again. Does not know what."""

import asyncio
from collections.abc import Callable


class Every:
    """Calls `what` every `seconds`, until it is stopped. A loop that is blocked calls late, and never twice at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, what: Callable[[], None]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._what = what
        self._timer = loop.call_later(seconds, self._due)

    def stop(self) -> None:
        """Calls no more."""
        self._timer.cancel()

    def _due(self) -> None:
        self._timer = self._loop.call_later(self._seconds, self._due)
        self._what()
