"""The waits of an exchange, by a clock that is set."""

import asyncio
import math

import pytest

from dragoman.errors import Phase
from dragoman.loop.alarms import Alarms
from dragoman.transport.base import Timeouts
from dragoman.transport.native.waits import Wait, Waits


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time stands still, and which calls nobody."""

    now = 100.0

    def time(self) -> float:
        """What was set."""
        return self.now


class Nobody:
    """Is never late."""

    def late(self) -> None:
        raise AssertionError("the clock stands still")


@pytest.fixture
def waits() -> "Waits":
    """Nothing is late yet."""
    loop = Clock()
    try:
        return Waits(Alarms(loop), Nobody())
    finally:
        loop.close()


@pytest.mark.parametrize(
    ("ends", "content", "due", "over"),
    [
        (math.inf, math.inf, (130, "first_byte"), None),
        (131, math.inf, (130, "first_byte"), None),
        (130, math.inf, (130, "first_byte"), None),
        (129, math.inf, (129, "total"), None),
        (math.inf, 129, (129, "first_token"), None),
        (128, math.inf, (128, "total"), None),
        (100, math.inf, (100, "total"), "total"),
        (131, 100, (100, "first_token"), "first_token"),
    ],
)
def test_the_first_to_be_due_limits_a_wait(
    waits: Waits, ends: float, content: float, due: tuple[float, Wait], over: Phase | None
) -> None:
    waits.ends, waits.content = ends, content
    waits.due = -math.inf  # an earlier timer stands, so that none is set in a loop that is closed
    assert waits.limit(30, "first_byte") == over
    assert (waits.deadline, waits.phase) == due
    assert waits.over() == over


@pytest.mark.parametrize(
    ("timeouts", "patience"),
    [
        (Timeouts(idle=60, end=5), 5),
        (Timeouts(idle=3, end=5), 3),
        (Timeouts(idle=60, end=None), 60),
        (Timeouts(idle=None, end=5), 5),
        (Timeouts(idle=None, end=None), math.inf),
    ],
)
def test_the_patience_is_the_shorter_limit_of_a_silence(waits: Waits, timeouts: Timeouts, patience: float) -> None:
    waits.adopt(timeouts)
    assert waits.patience == patience


def test_the_error_says_which_limit_it_was(waits: Waits) -> None:
    waits.adopt(Timeouts(first_byte=7))
    error = waits.error("first_byte", "host")
    assert (error.phase, str(error)) == ("first_byte", "no answer from host within 7 s")


@pytest.mark.parametrize(
    ("phase", "heard_at", "due"),
    [
        ("quiet", -math.inf, None),
        ("quiet", 95.0, None),
        ("quiet", 95.002, (100.002, "quiet")),
        ("quiet", 100.0, (105, "quiet")),
        ("idle", -math.inf, None),
        ("idle", 40.0, None),
        ("idle", 40.002, (100.002, "idle")),
        ("idle", 95.0, (155, "idle")),
        ("idle", 99.0, (104, "quiet")),
    ],
)
def test_what_came_in_the_midst_of_a_wait_lets_it_go_on(
    waits: Waits, phase: Wait, heard_at: float, due: tuple[float, Wait] | None
) -> None:
    waits.adopt(Timeouts(idle=60, end=5))
    waits.due, waits.phase = -math.inf, phase  # as above
    assert waits.goes_on(heard_at) is (due is not None)
    if due is not None:
        assert (round(waits.deadline, 6), waits.phase) == due
