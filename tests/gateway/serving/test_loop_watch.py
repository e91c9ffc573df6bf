"""A turn of the loop that takes too long is counted and logged, with what has held the loop."""

import logging
from threading import Thread

import pytest

from dragoman.gateway.serving.loop_watch import PERIOD, QUIET, SLOW, STANDS, LoopWatch


class Clock:
    """A clock that is moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def hold(watch: LoopWatch, clock: Clock, seconds: float) -> None:
    """Holds the loop, while another thread looks."""
    clock.now += PERIOD + seconds
    other = Thread(target=watch.look)
    other.start()
    other.join()
    watch.beat()


def test_a_slow_turn_is_logged_with_what_has_held_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    watch = LoopWatch(clock, clock)
    hold(watch, clock, SLOW / 2)
    assert (watch.slow_turns, caplog.text) == (0, "")
    hold(watch, clock, 0.25)
    assert watch.slow_turns == 1
    assert "the event loop was held for 250 ms at\n" in caplog.text
    assert "in hold" in caplog.text


def test_it_is_logged_once_in_a_minute_and_every_one_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    watch = LoopWatch(clock, clock)
    for _ in range(4):
        hold(watch, clock, 0.2)
    assert (watch.slow_turns, len(caplog.records)) == (4, 1)
    clock.now += QUIET
    watch.beat()
    assert (watch.slow_turns, len(caplog.records)) == (5, 2)
    assert "4 times since it was last told, and was free before anybody saw at what" in caplog.text


def test_a_stack_that_was_seen_is_not_told_of_a_later_turn(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    watch = LoopWatch(clock, clock)
    hold(watch, clock, 0.2)
    clock.now += QUIET
    watch.beat()
    assert "in hold" in caplog.records[0].getMessage()
    assert "in hold" not in caplog.records[1].getMessage()


def test_a_turn_in_which_nothing_was_computed_is_counted_and_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    watch = LoopWatch(clock, lambda: 0.0)
    hold(watch, clock, 0.2)
    assert (watch.slow_turns, caplog.text) == (1, "")
    with caplog.at_level(logging.DEBUG):
        hold(watch, clock, 0.2)
    assert "the event loop has waited for 200 ms at\n" in caplog.text


def test_a_loop_that_stands_is_told_once_although_it_never_turns_again(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    watch = LoopWatch(clock, clock)

    def look(seconds: float) -> None:
        clock.now += seconds
        other = Thread(target=watch.look)
        other.start()
        other.join()

    look(1.0)
    look(STANDS - 1.5)
    assert caplog.text == ""
    look(1.0)
    look(1.0)
    (told,) = caplog.records
    assert told.levelname == "ERROR"
    assert "the event loop has stood for 6 s at\n" in told.getMessage()
    assert "in look" in told.getMessage()


async def test_it_starts_and_stops() -> None:
    watch = LoopWatch()
    watch.start()
    watch.stop()
    assert not watch._thread.is_alive()
