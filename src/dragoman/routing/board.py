"""What processes tell each other of targets: until when somebody else has found that one must rest. Hints, no locks.

A hint may be lost or come late: then each process finds out for itself, as it does without a board.
"""

from abc import ABC, abstractmethod
from math import inf

from msgspec import Struct

LOOK = 0.1
"""Seconds between two looks at the hints of a target: in that time a broken target costs each process a request or
two, and a look costs a microsecond."""


class Hint(ABC):
    """A place on a board: a time by the clock of all processes of one machine (CLOCK_MONOTONIC), in seconds."""

    @abstractmethod
    def read(self) -> float:
        """What was written last; 0: nothing."""

    @abstractmethod
    def write(self, until: float) -> None:
        """Tells all others."""


class Board(ABC):
    """What the processes of one gateway share."""

    @abstractmethod
    def hint(self, name: str) -> Hint:
        """The place with this name, which means the same in each process."""


class Unshared(Hint):
    """The place of a process that is alone: it has nothing to tell anybody."""

    def read(self) -> float:
        return 0.0

    def write(self, until: float) -> None:
        return


UNSHARED = Unshared()


class Hints(Struct, frozen=True):
    """The places of one target."""

    breaker: Hint = UNSHARED
    """Until when its breaker is open; 0: it is closed."""
    rest: Hint = UNSHARED
    """Until when it rests by its own words, or because it refuses the model."""
    service: Hint = UNSHARED
    """Until when all targets with the key of its service rest."""
    look: float = inf
    """Seconds between two looks."""


ALONE = Hints()


def hints_of(board: Board | None, target: str, place: str, settings: str) -> Hints:
    """The places of `target` (`provider/model`). `place`, `settings`: of its service; see `health.Service`."""
    if board is None:
        return ALONE
    service = target.partition("/")[0]
    breaker, rest = board.hint(f"breaker {target} {place}"), board.hint(f"rest {target} {settings}")
    return Hints(breaker, rest, board.hint(f"service {service} {settings}"), LOOK)
