"""The circuit breaker: its states, and what no order of events can bring about."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dragoman.routing.breaker import LONGEST, Breaker, BreakerChange, State

FAILURES, REST = 3, 10.0


def opened(now: float = 0.0) -> Breaker:
    """A breaker that has just opened."""
    breaker = Breaker(FAILURES, REST)
    for _ in range(FAILURES):
        breaker.failed(now)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    breaker = Breaker(FAILURES, REST)
    breaker.failed(0)
    breaker.failed(0)
    breaker.succeeded()
    breaker.failed(0)
    breaker.failed(0)
    assert breaker.allows(0)
    breaker.failed(0)
    assert (breaker.state, breaker.allows(9.9), breaker.allows(10)) == (State.OPEN, False, True)


def test_it_never_opens_if_that_is_switched_off() -> None:
    breaker = Breaker(0, REST)
    for _ in range(100):
        breaker.failed(0)
    assert breaker.allows(0)


def test_after_its_rest_one_request_tries_and_no_other() -> None:
    breaker = opened()
    assert breaker.allows(10)
    breaker.asked(10)
    assert (breaker.state, breaker.allows(10), breaker.allows(1000)) == (State.TRYING, False, False)
    breaker.succeeded()
    assert breaker.allows(10)


def test_each_rest_is_twice_as_long_up_to_a_minute_and_a_success_forgets_that() -> None:
    breaker, now, rests = opened(), 0.0, []
    for _ in range(5):
        rests.append(breaker.until - now)
        now = breaker.until
        breaker.asked(now)
        breaker.failed(now)
    assert rests == [10, 20, 40, 60, 60]
    breaker.succeeded()
    for _ in range(FAILURES):
        breaker.failed(now)
    assert breaker.until - now == REST


def test_a_rest_that_begins_with_more_than_a_minute_becomes_no_shorter() -> None:
    breaker = Breaker(1, 300.0)
    breaker.failed(0)
    breaker.asked(300)
    breaker.failed(300)
    assert breaker.until == 600


def test_a_trial_whose_caller_leaves_makes_room_for_another() -> None:
    breaker = opened()
    breaker.asked(10)
    breaker.left()
    assert (breaker.state, breaker.allows(10)) == (State.OPEN, True)


def test_a_request_that_has_no_choice_is_no_trial_before_the_rest_is_over() -> None:
    breaker = opened()
    breaker.asked(9)
    assert breaker.state is State.OPEN
    breaker.failed(9)
    assert breaker.until == REST, "its rest became longer, although nothing was tried"
    breaker.asked(9.5)
    breaker.succeeded()
    assert breaker.allows(9.5)


def test_what_was_begun_before_the_rest_does_not_end_the_trial() -> None:
    breaker = Breaker(FAILURES, REST)
    early = [breaker.asked(0) for _ in range(2)]
    for _ in range(FAILURES):
        breaker.failed(0)
    assert breaker.asked(10)
    breaker.left(trial=early[0])
    breaker.failed(11, trial=early[1])
    assert (breaker.state, breaker.until) == (State.TRYING, REST)
    breaker.failed(12)
    assert breaker.until == 12 + 2 * REST


def test_each_change_is_told_and_nothing_else() -> None:
    told: list[BreakerChange] = []
    breaker = Breaker(2, REST, "up/m", told.append)
    breaker.failed(0, "timeout")
    breaker.succeeded()
    breaker.left()
    assert told == []
    breaker.failed(0, "timeout")
    breaker.failed(0, "truncated")
    breaker.failed(1, "truncated")
    breaker.asked(10)
    breaker.failed(10, "refused")
    breaker.asked(30)
    breaker.left()
    breaker.asked(30)
    breaker.succeeded()
    breaker.succeeded()
    assert told == [
        BreakerChange("up/m", State.OPEN, "truncated", REST),
        BreakerChange("up/m", State.TRYING),
        BreakerChange("up/m", State.OPEN, "refused", 2 * REST),
        BreakerChange("up/m", State.TRYING),
        BreakerChange("up/m", State.OPEN),
        BreakerChange("up/m", State.TRYING),
        BreakerChange("up/m", State.CLOSED),
    ]


class Machine(RuleBasedStateMachine):
    """Requests that come, fail, succeed and leave in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(FAILURES, REST)
        self.now = 0.0
        self.under_way = 0
        self.trials = 0
        self.row = 0

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.breaker.allows(self.now))
    @rule()
    def ask(self) -> None:
        self.trials += self.breaker.state is State.OPEN
        self.breaker.asked(self.now)
        self.under_way += 1

    @precondition(lambda self: self.under_way > 0)
    @rule(how=st.sampled_from(["succeeded", "failed", "left"]))
    def end(self, how: str) -> None:
        self.under_way -= 1
        if self.breaker.state is not State.TRYING:
            self.row = self.row + 1 if how == "failed" else 0 if how == "succeeded" else self.row
        if how == "failed":
            self.breaker.failed(self.now)
        elif how == "succeeded":
            self.breaker.succeeded()
            self.row = 0
        else:
            self.breaker.left()

    @invariant()
    def it_is_open_only_after_enough_failures(self) -> None:
        if self.breaker.state is State.CLOSED:
            assert self.breaker.allows(self.now)
        elif self.trials == 0:
            assert self.row >= FAILURES

    @invariant()
    def it_never_rests_for_longer_than_it_may(self) -> None:
        assert self.breaker.until - self.now <= LONGEST


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
