"""A loop that is late: once means nothing, half a second without a break means that it lags."""

import asyncio
from collections.abc import Callable
from typing import Any

from dragoman.gateway.serving.lag import STEP, WINDOW, LagWatch

LIMIT = 0.02


class Clock(asyncio.BaseEventLoop):
    """A loop that runs a timer when the test says so, as late as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.due: tuple[float, Callable[[], object]] | None = None

    def time(self) -> float:
        return self.now

    def call_at(  # type: ignore[override]  # nothing here is called with arguments
        self, when: float, callback: Callable[[], object], *, context: Any = None
    ) -> asyncio.TimerHandle:
        self.due = when, callback
        return asyncio.TimerHandle(when, callback, (), self)

    def look(self, late: float) -> None:
        """The next look, so many seconds late."""
        assert self.due is not None
        when, callback = self.due
        self.now = when + late
        callback()


def test_it_lags_when_no_look_was_in_time_for_the_window() -> None:
    clock, told = Clock(), list[bool]()
    watch = LagWatch(clock, LIMIT, told.append)
    for _ in range(int(WINDOW / (STEP + 0.03))):
        clock.look(0.03)
    assert told == []
    clock.look(0.03)
    assert told == [True]
    clock.look(5.0)
    assert told == [True]
    clock.look(LIMIT / 2)
    assert told == [True, False]
    watch.stop()
    clock.close()


def test_one_look_in_time_begins_the_window_anew() -> None:
    clock, told = Clock(), list[bool]()
    watch = LagWatch(clock, LIMIT, told.append)
    for _ in range(10):
        for _ in range(5):
            clock.look(0.03)
        clock.look(0.0)
    clock.look(30.0)
    clock.look(0.0)
    assert told == []
    watch.stop()
    clock.close()


async def test_a_loop_that_is_held_lags_and_one_that_is_let_go_does_not() -> None:
    loop = asyncio.get_running_loop()
    changes: asyncio.Queue[bool] = asyncio.Queue()
    watch = LagWatch(loop, 1e-9, changes.put_nowait)  # no look is in time
    assert await changes.get()
    watch.stop()
    watch = LagWatch(loop, 3600.0, changes.put_nowait)
    await asyncio.sleep(2 * STEP)
    assert changes.empty()
    watch.stop()
