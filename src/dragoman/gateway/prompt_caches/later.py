"""Explanations that are worked out when their answers are over, in steps between which others are served."""

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from typing import TypeVar

from dragoman.types import CacheUse, Outcome

T = TypeVar("T")
Steps = Generator[None, None, T]
"""Work that stops from time to time, so that others can be served, and gives a result in the end."""


def finished(steps: Steps[T]) -> T:
    """The result of `steps`, without a stop."""
    try:
        while True:
            next(steps)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def in_turns(steps: Steps[T]) -> T:
    """The same, with a turn of the loop between the steps."""
    try:
        while True:
            next(steps)
            await asyncio.sleep(0)
    except StopIteration as stop:
        result: T = stop.value
        return result


class Later:
    """The answers whose use of a cache is still to be explained. `tell` is given each outcome once that is done."""

    def __init__(self, tell: Callable[[Outcome], None]) -> None:
        self._tell = tell
        self._waiting: deque[tuple[Outcome, Steps[CacheUse | None]]] = deque()

    def explain(self, outcome: Outcome, steps: Steps[CacheUse | None]) -> None:
        """Begins in the loop's next turn, because the last bytes of the answer are sent at the end of this one."""
        self._waiting.append((outcome, steps))
        asyncio.get_running_loop().call_soon(self._advance)

    def finish(self) -> None:
        """Explains all that wait, at once."""
        while self._waiting:
            outcome, steps = self._waiting.popleft()
            outcome.cache = finished(steps)
            self._tell(outcome)

    def _advance(self) -> None:
        """One step. A turn of the loop has as many as there are answers that wait, so that they do not pile up."""
        if not self._waiting:
            return
        outcome, steps = self._waiting[0]
        over = True
        try:
            next(steps)
            over = False
        except StopIteration as stop:
            outcome.cache = stop.value
        finally:  # an outcome is told in any case, also if there is a bug of ours
            if over:
                self._waiting.popleft()
                self._tell(outcome)
            else:
                asyncio.get_running_loop().call_soon(self._advance)
