"""Many alarms, few timers of the loop, by a clock that is set."""

import asyncio
import math
from collections.abc import Callable

import pytest

from dragoman.loop.alarms import LONG, PARTS, Alarms
from dragoman.loop.timer import DeadlineTimer


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time is set; `pass_to` calls what is due."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.set_timers: list[tuple[float, asyncio.TimerHandle]] = []
        self.faults: list[BaseException] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., object], *args: object, **_: object) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self)
        self.set_timers.append((when, handle))
        return handle

    def call_exception_handler(self, context: dict[str, BaseException]) -> None:
        self.faults.append(context["exception"])

    @property
    def standing(self) -> list[float]:
        """When the timers fire that were not cancelled."""
        return [when for when, handle in self.set_timers if not handle.cancelled()]

    def pass_to(self, now: float) -> None:
        """Fires the timers one after another, each at its time, those too that are set meanwhile."""
        while due := sorted(each for each in self.standing if each <= now):
            when, handle = next(each for each in self.set_timers if each[0] == due[0] and not each[1].cancelled())
            self.set_timers.remove((when, handle))
            self.now = when
            handle._run()
        self.now = now


class Owner:
    """Notes when it is late; `then` is what it does."""

    def __init__(self, alarms: Alarms) -> None:
        self.alarms = alarms
        self.timer = DeadlineTimer(alarms, self)
        self.late_at: list[float] = []
        self.then: Callable[[], None] = lambda: None

    def late(self) -> None:
        self.late_at.append(self.alarms.time())
        self.then()


@pytest.fixture
def clock() -> Clock:
    """The time is 100."""
    loop = Clock()
    loop.close()  # it is never run
    return loop


def owners(clock: Clock, *deadlines: float) -> list[Owner]:
    """One for each of these deadlines."""
    alarms = Alarms(clock)
    found = [Owner(alarms) for _ in deadlines]
    for owner, deadline in zip(found, deadlines, strict=True):
        owner.timer.set(deadline)
    return found


def test_long_waits_that_end_at_about_the_same_time_share_a_timer(clock: Clock) -> None:
    many = owners(clock, *(160 + step / 10_000 for step in range(1, 500)))
    assert len(clock.standing) == 1
    clock.pass_to(161)
    assert all(len(each.late_at) == 1 for each in many)


@pytest.mark.parametrize("wait", [LONG, 1.03, 5.0, 9.99, 60.0])
def test_a_long_wait_ends_a_little_late_and_never_early(clock: Clock, wait: float) -> None:
    (one,) = owners(clock, 100 + wait)
    clock.pass_to(200)
    (at,) = one.late_at
    assert 100 + wait <= at < 100 + wait + 1 / PARTS


def test_a_short_wait_ends_in_time(clock: Clock) -> None:
    (one,) = owners(clock, 100.123)
    clock.pass_to(101)
    assert one.late_at == [100.123]


def test_a_later_deadline_needs_no_other_timer(clock: Clock) -> None:
    (one,) = owners(clock, 110.0)
    one.timer.deadline = 130.0
    assert clock.standing == [110.0]
    clock.pass_to(129)
    assert one.late_at == []
    clock.pass_to(131)
    assert one.late_at == [130.0]


def test_an_earlier_deadline_moves_the_alarm(clock: Clock) -> None:
    one, other = owners(clock, 160.0, 160.0)
    one.timer.set(105.0)
    assert sorted(clock.standing) == [105.0, 160.0]
    clock.pass_to(200)
    assert (one.late_at, other.late_at) == ([105.0], [160.0])


def test_what_was_stopped_does_not_ring_and_leaves_no_timer(clock: Clock) -> None:
    one, other = owners(clock, 160.0, 160.0)
    one.timer.stop()
    assert clock.standing == [160.0]
    other.timer.stop()
    assert clock.standing == []
    clock.pass_to(200)
    assert (one.late_at, other.late_at) == ([], [])
    one.timer.stop()  # again


def test_one_that_rings_may_stop_the_others_and_be_set_again(clock: Clock) -> None:
    one, other, third = owners(clock, 160.0, 160.0, 160.0)

    def then() -> None:
        other.timer.stop()
        third.timer.stop()
        one.then = lambda: None
        one.timer.set(220.0)

    one.then = then
    clock.pass_to(300)
    assert (one.late_at, other.late_at, third.late_at) == ([160.0, 220.0], [], [])


def test_a_failure_of_one_does_not_silence_the_others(clock: Clock) -> None:
    one, other = owners(clock, 160.0, 160.0)
    fault = ValueError("of one")

    def fail() -> None:
        raise fault

    one.then = fail
    clock.pass_to(161)
    assert clock.faults == [fault]
    assert other.late_at == [160.0]


def test_nothing_stays_of_alarms_that_rang(clock: Clock) -> None:
    many = owners(clock, 100.5, 107.0, 160.0)
    clock.pass_to(300)
    assert clock.standing == []
    assert all(each.timer.due == math.inf for each in many)
