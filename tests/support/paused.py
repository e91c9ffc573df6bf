"""A loop whose clock stands still while anybody has something to do, and then goes to the next timer at once."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Skipping(selectors.DefaultSelector):
    """Waits for nothing: what would be waited is added to `passed`."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if ready := super().select(0):
            return ready
        assert timeout is not None, "everybody waits, and nobody for a time"
        self.passed += max(timeout, 0)
        return []


class PausedLoop(asyncio.SelectorEventLoop):
    """Its time is 0 at the start."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.passed

    def hold(self, seconds: float) -> None:
        """Somebody holds the loop: time passes, and nobody is called."""
        self._skipping.passed += seconds


def paused(test: Coroutine[Any, Any, T]) -> T:
    """What `test` gives in such a loop. A task that it leaves behind fails it."""

    async def alone() -> T:
        result = await test
        for _ in range(10):
            await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks left behind: {left}"
        return result

    with asyncio.Runner(loop_factory=PausedLoop) as runner:
        return runner.run(alone())
