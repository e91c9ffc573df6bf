"""What is told of targets that fail: a line for each change, and no more than one a second for each."""

import logging

import pytest

from dragoman.errors import Attempt
from dragoman.gateway.targets import REMINDER, Targets
from dragoman.routing.breaker import BreakerChange, State
from dragoman.routing.health import Rest
from dragoman.routing.reactions import Fault
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

    def failed(self, attempt: Attempt) -> None:
        """A target failed that the configuration names."""
        self.targets.failed(attempt, attempt.target)

    def answered(self, target: str) -> None:
        """Such a target answered."""
        self.targets.answered(target, target)

    @property
    def lines(self) -> list[str]:
        return [record.getMessage() for record in self._records.records]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Logged:
    """Nothing is known yet."""
    return Logged(caplog)


def test_a_failure_is_told_once_with_its_reason(logged: Logged) -> None:
    for _ in range(100):
        logged.failed(DOWN)
        logged.now += 0.5
    assert logged.lines == ["up/m failed: connect_error: no connection: Connection refused"]


def test_one_that_fails_on_is_told_again_with_how_often(logged: Logged) -> None:
    for _ in range(3):
        logged.failed(DOWN)
    logged.now += REMINDER
    logged.failed(DOWN)
    assert logged.lines[1:] == [
        "up/m failed, 3 times since it was last told: connect_error: no connection: Connection refused"
    ]


def test_another_failure_and_an_answer_are_changes(logged: Logged) -> None:
    logged.failed(DOWN)
    logged.now += 2
    logged.failed(SLOW)
    logged.now += 2
    logged.answered("up/m")
    logged.answered("up/m")
    assert logged.lines[1:] == ["up/m failed: timeout: no answer in time", "up/m answers again"]


def test_another_target_of_the_service_is_told_by_itself(logged: Logged) -> None:
    logged.failed(DOWN)
    logged.now += 2
    logged.answered("up/n")
    logged.failed(DOWN)
    logged.failed(Attempt("up/n", "connect_error", 502, "no connection: Connection refused"))
    logged.now += 2
    logged.answered("up/n")
    assert logged.lines[1:] == ["up/n failed: connect_error: no connection: Connection refused", "up/n answers again"]


def test_one_that_fails_every_other_time_costs_a_line_a_second_at_most(logged: Logged) -> None:
    for _ in range(100):
        logged.failed(DOWN)
        logged.answered("up/m")
        logged.failed(SLOW)
        logged.now += 0.1
    assert len(logged.lines) <= 10


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_was_wrong_is_no_failure_of_its_target(logged: Logged, status: int) -> None:
    logged.failed(Attempt("up/m", "invalid_request", status, "wrong"))
    logged.now += 2
    logged.answered("up/m")
    assert logged.lines == []


def test_made_up_models_of_a_service_are_one_service(logged: Logged) -> None:
    for number in range(100):
        logged.targets.failed(Attempt(f"up/{number}", "model_not_found", 404, "no such model"), "up/other")
    logged.now += REMINDER
    logged.targets.answered("up/7", "up/other")
    logged.targets.failed(Attempt("up/8", "model_not_found", 404, "no such model"), "up/other")
    assert logged.lines == [
        "up/0 failed: model_not_found: no such model",
        "up/8 failed, with other models of up 100 times since it was last told: model_not_found: no such model",
    ]


def test_an_outcome_tells_of_each_target_that_was_asked(logged: Logged) -> None:
    note = logged.targets.observer(str)
    note(Outcome("one", "POST", "/", 0.0, end="whole", target="up/n", attempts=(DOWN,)))
    logged.now += 2
    note(Outcome("two", "POST", "/", 0.0, end="broken", target="up/m"))
    note(Outcome("three", "POST", "/", 0.0, end="whole", target="up/m", error="empty"))
    assert len(logged.lines) == 1
    note(Outcome("four", "POST", "/", 0.0, end="whole", target="up/m"))
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


def test_a_rest_is_a_line_unless_it_is_over_at_once(logged: Logged) -> None:
    for rest in (
        Rest("up/m", Fault.FULL, "rate_limit_exceeded", 20.0),
        Rest("up/m", Fault.FULL, "rate_limit_exceeded", 0.5),
        Rest("up/m", Fault.MODEL, "permission_denied", 60.0),
        Rest("up/m", Fault.KEY, "invalid_api_key", 60.0),
    ):
        logged.targets.rested(rest)
    assert logged.lines == [
        "up/m is not asked for 20 s: it takes no more requests now (rate_limit_exceeded)",
        "up/m is not asked for 60 s: its service does not allow it (permission_denied)",
        "up/m and other models of its service are not asked for 60 s: the key is refused (invalid_api_key)",
    ]
