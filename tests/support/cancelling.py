"""Cancelling a coroutine at its k-th suspension, for each k: nothing may be left open, wherever it is."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any


class _Cancelled(Awaitable[Any]):
    """Runs `work`, and cancels its task at suspension number `at`, from 1; `reached`: whether there was one."""

    def __init__(self, work: Coroutine[Any, Any, Any], at: int) -> None:
        self._work = work
        self._at = at
        self._seen = 0

    @property
    def reached(self) -> bool:
        return self._seen >= self._at

    def __await__(self) -> Generator[Any, Any, Any]:
        raised: BaseException | None = None
        while True:
            try:
                waited = self._work.send(None) if raised is None else self._work.throw(raised)
            except StopIteration as stop:
                return stop.value
            self._seen += 1
            if self._seen == self._at and (task := asyncio.current_task()) is not None:
                task.cancel()
            raised = None
            try:
                yield waited
            except BaseException as exc:  # noqa: BLE001  # whatever comes is for the work
                raised = exc


async def cancelled_everywhere(work: Callable[[], Coroutine[Any, Any, Any]], check: Callable[[], None]) -> int:
    """Runs `work` anew for each of its suspensions, is cancelled there, and then calls `check`; returns how many."""
    for at in range(1, 1000):
        counting = _Cancelled(work(), at)

        async def run(counting: _Cancelled = counting) -> None:
            await counting

        task = asyncio.create_task(run())
        with suppress(asyncio.CancelledError):
            await task
        for _ in range(10):
            await asyncio.sleep(0)
        check()
        if not counting.reached:
            return at - 1
    raise AssertionError("it never ends")
