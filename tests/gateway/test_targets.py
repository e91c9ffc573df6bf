"""What is told of targets that fail: a line for each change, and no more than one a second."""

import logging

import pytest

from dragoman.errors import Attempt
from dragoman.gateway.targets import REMINDER, Targets
from dragoman.types import Outcome

DOWN = Attempt("up/m", "connect_error", 502, "no connection: Connection refused")
SLOW = Attempt("up/m", "timeout", 504, "no answer in time")


class ReplySummary:
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
def told(caplog: pytest.LogCaptureFixture) -> ReplySummary:
    """Nothing is known yet."""
    return ReplySummary(caplog)


def test_a_failure_is_told_once_with_its_reason(told: ReplySummary) -> None:
    for _ in range(100):
        told.targets.failed(DOWN)
        told.now += 0.5
    assert told.lines == ["up/m failed: connect_error: no connection: Connection refused"]


def test_one_that_fails_on_is_told_again_with_how_often(told: ReplySummary) -> None:
    for _ in range(3):
        told.targets.failed(DOWN)
    told.now += REMINDER
    told.targets.failed(DOWN)
    assert told.lines[1:] == [
        "up/m failed, 3 times since it was last told: connect_error: no connection: Connection refused"
    ]


def test_another_failure_and_an_answer_are_changes(told: ReplySummary) -> None:
    told.targets.failed(DOWN)
    told.now += 2
    told.targets.failed(SLOW)
    told.now += 2
    told.targets.answered("up/other")
    told.targets.answered("up/other")
    assert told.lines[1:] == ["up/m failed: timeout: no answer in time", "up/other answers again"]


def test_one_that_fails_every_other_time_costs_a_line_a_second_at_most(told: ReplySummary) -> None:
    for _ in range(100):
        told.targets.failed(DOWN)
        told.targets.answered("up/m")
        told.targets.failed(SLOW)
        told.now += 0.1
    assert len(told.lines) <= 10


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_was_wrong_is_no_failure_of_its_target(told: ReplySummary, status: int) -> None:
    told.targets.failed(Attempt("up/m", "invalid_request", status, "wrong"))
    told.now += 2
    told.targets.answered("up/m")
    assert told.lines == []


def test_made_up_models_of_a_service_are_one_service(told: ReplySummary) -> None:
    for number in range(100):
        told.targets.failed(Attempt(f"up/{number}", "model_not_found", 404, "no such model"))
    assert len(told.lines) == 1


def test_an_outcome_tells_of_each_target_that_was_asked(told: ReplySummary) -> None:
    told.targets.note(Outcome("one", "POST", "/", 0.0, end="whole", target="up/n", attempts=(DOWN,)))
    told.now += 2
    told.targets.note(Outcome("two", "POST", "/", 0.0, end="broken", target="up/m"))
    told.targets.note(Outcome("three", "POST", "/", 0.0, end="whole", target="up/m", error="empty"))
    assert len(told.lines) == 1
    told.targets.note(Outcome("four", "POST", "/", 0.0, end="whole", target="up/m"))
    assert told.lines[1:] == ["up/m answers again"]
