"""What is told of targets that fail: a line for each change, and no more than one a second."""

import logging

import pytest

from dragoman.errors import Attempt
from dragoman.gateway.targets import REMINDER, Targets
from dragoman.routing.breaker import BreakerChange, State
from dragoman.types import Outcome

DOWN = Attempt("up/m", "connect_error", 502, "no connection: Connection refused")
SLOW = Attempt("up/m", "timeout", 504, "no answer in time")


class Logged:
    """Targets whose clock is moved by hand, and their lines."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        self.now = 100.0
        self.targets = Targets(lambda: self.now)
        self._records = caplog

    @property
    def lines(self) -> list[str]:
        return [record.getMessage() for record in self._records.records]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Logged:
    """Nothing is known yet."""
    return Logged(caplog)


def test_a_failure_is_told_once_with_its_reason(logged: Logged) -> None:
    for _ in range(100):
        logged.targets.failed(DOWN)
        logged.now += 0.5
    assert logged.lines == ["up/m failed: connect_error: no connection: Connection refused"]


def test_one_that_fails_on_is_told_again_with_how_often(logged: Logged) -> None:
    for _ in range(3):
        logged.targets.failed(DOWN)
    logged.now += REMINDER
    logged.targets.failed(DOWN)
    assert logged.lines[1:] == [
        "up/m failed, 3 times since it was last told: connect_error: no connection: Connection refused"
    ]


def test_another_failure_and_an_answer_are_changes(logged: Logged) -> None:
    logged.targets.failed(DOWN)
    logged.now += 2
    logged.targets.failed(SLOW)
    logged.now += 2
    logged.targets.answered("up/other")
    logged.targets.answered("up/other")
    assert logged.lines[1:] == ["up/m failed: timeout: no answer in time", "up/other answers again"]


def test_one_that_fails_every_other_time_costs_a_line_a_second_at_most(logged: Logged) -> None:
    for _ in range(100):
        logged.targets.failed(DOWN)
        logged.targets.answered("up/m")
        logged.targets.failed(SLOW)
        logged.now += 0.1
    assert len(logged.lines) <= 10


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_was_wrong_is_no_failure_of_its_target(logged: Logged, status: int) -> None:
    logged.targets.failed(Attempt("up/m", "invalid_request", status, "wrong"))
    logged.now += 2
    logged.targets.answered("up/m")
    assert logged.lines == []


def test_made_up_models_of_a_service_are_one_service(logged: Logged) -> None:
    for number in range(100):
        logged.targets.failed(Attempt(f"up/{number}", "model_not_found", 404, "no such model"))
    assert len(logged.lines) == 1


def test_an_outcome_tells_of_each_target_that_was_asked(logged: Logged) -> None:
    logged.targets.note(Outcome("one", "POST", "/", 0.0, end="whole", target="up/n", attempts=(DOWN,)))
    logged.now += 2
    logged.targets.note(Outcome("two", "POST", "/", 0.0, end="broken", target="up/m"))
    logged.targets.note(Outcome("three", "POST", "/", 0.0, end="whole", target="up/m", error="empty"))
    assert len(logged.lines) == 1
    logged.targets.note(Outcome("four", "POST", "/", 0.0, end="whole", target="up/m"))
    assert logged.lines[1:] == ["up/m answers again"]


def test_a_breakers_changes_are_lines(logged: Logged) -> None:
    for change in (
        BreakerChange("up/m", State.OPEN, "timeout", 10.0),
        BreakerChange("up/m", State.TRYING),
        BreakerChange("up/m", State.OPEN),
        BreakerChange("up/m", State.CLOSED),
    ):
        logged.targets.turned(change)
    assert logged.lines == [
        "up/m is not asked for 10 s: its breaker is open (timeout)",
        "up/m is tried by one request: its breaker is half-open",
        "up/m may be tried again: its breaker is open, and nothing was learnt",
        "up/m is asked again: its breaker is closed",
    ]
