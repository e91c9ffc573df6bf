"""Explanations that are worked out when their answers are over, in steps between which others are served."""

import asyncio
from collections import deque
from collections.abc import Callable

from dragoman.types import CacheUse, Outcome
from dragoman.wire.steps import Steps, done


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
            outcome.cache = done(steps)
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
