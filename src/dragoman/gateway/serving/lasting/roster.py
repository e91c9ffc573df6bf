"""Which workers hold streams, in memory that they share since before they were made. Knows no stream and no process.

A number of eight bytes for each place, so that nothing is locked: the tag of the worker there, or 0. A worker takes its
place when it begins, with a tag that no earlier one had, and its streams' names begin with that. It leaves when it
stops; for one that has died, its parent does so.
"""

import mmap

from dragoman.engine.env import system_env

DIGITS = 8
"""Of a tag, in hexadecimal."""


class Roster:
    """The workers of one parent, for this process and for all that it forks from now on."""

    def __init__(self, workers: int) -> None:
        self._tags = memoryview(mmap.mmap(-1, 8 * workers)).cast("Q")

    def enter(self, place: int) -> str:
        """A worker takes its place; returns its tag."""
        number = int(system_env().new_id()[:DIGITS], 16) or 1
        self._tags[place] = number
        return f"{number:0{DIGITS}x}"

    def leave(self, place: int) -> None:
        """The worker at `place` holds no stream any more."""
        self._tags[place] = 0

    def find(self, name: str) -> int | None:
        """The place of the worker that has begun the stream `name`; None if it is there no longer."""
        found = [place for place in self.present() if name.startswith(f"{self._tags[place]:0{DIGITS}x}")]
        return found[0] if found else None

    def present(self) -> tuple[int, ...]:
        """The places that are taken."""
        return tuple(place for place, number in enumerate(self._tags) if number)
