"""When the loop of each worker last turned, in memory that their parent shares. Knows no process.

A number of eight bytes for each worker: the monotonic clock, which all processes of a machine have in common. It is
written at once, so that nothing is locked.
"""

import mmap
import time

PERIOD = 0.5
"""Seconds between two beats, and between two looks at them."""


class Beats:
    """The beats of this process and of all that it forks from now on."""

    def __init__(self, workers: int) -> None:
        self._times = memoryview(mmap.mmap(-1, 8 * workers)).cast("d")

    def beat(self, place: int) -> None:
        """The loop of the worker at `place` turns; or the worker begins."""
        self._times[place] = time.monotonic()

    def silence(self, place: int) -> float:
        """Seconds since then."""
        return time.monotonic() - self._times[place]
