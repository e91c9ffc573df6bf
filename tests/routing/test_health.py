"""What is known of a target goes over to the one that takes its place, if its service has the same settings."""

import pytest

from dragoman.errors import AuthenticationError, DragomanError, OverloadedError, PermissionDeniedError, RateLimitError
from dragoman.routing.breaker import Breaker, BreakerChange, State
from dragoman.routing.health import REFUSED_REST, Health, Rest, Service, inherit
from dragoman.routing.reactions import Fault

FAILURES, REST = 2, 10.0
BROKEN = OverloadedError("full")


def health(settings: str = "a", failures: int = FAILURES, rest: float = REST, place: str = "a") -> Health:
    return Health(Service(place, settings), Breaker(failures, rest))


def failed(health: Health, error: DragomanError = BROKEN, times: int = 1, now: float = 0.0) -> None:
    for _ in range(times):
        health.asked(now)
        health.failed(error, now)


def inherited(
    earlier: Health, settings: str = "a", failures: int = FAILURES, rest: float = REST, place: str = "a"
) -> Health:
    """A new one of the same target, after a change of the configuration to these settings."""
    new = health(settings, failures, rest, place)
    inherit({"up/m": new, "up/added": health()}, {"up/m": earlier, "up/removed": health()})
    return new


def test_an_open_breaker_stays_open_until_its_rest_is_over_and_its_next_rest_is_as_long() -> None:
    earlier = health()
    failed(earlier, times=FAILURES)
    failed(earlier, now=REST)  # the trial, so that the rest is doubled
    new = inherited(earlier)
    over = REST + 2 * REST
    assert [new.may_be_asked(now) for now in (REST, over - 0.1, over)] == [False, False, True]
    failed(new, now=over)
    assert new.breaker.until == over + 4 * REST


def test_failures_in_a_row_are_counted_on() -> None:
    earlier = health()
    failed(earlier, times=FAILURES - 1)
    new = inherited(earlier)
    assert new.may_be_asked(0)
    failed(new)
    assert not new.may_be_asked(0)


def test_a_trial_whose_end_is_told_to_the_earlier_one_is_made_again() -> None:
    earlier = health()
    failed(earlier, times=FAILURES)
    earlier.asked(REST)
    new = inherited(earlier)
    assert (earlier.breaker.state, new.breaker.state) == (State.TRYING, State.OPEN)
    assert new.may_be_asked(REST)


@pytest.mark.parametrize(
    ("error", "rest"),
    [
        (RateLimitError("slow down", retry_after=30), 30),
        (PermissionDeniedError("no"), REFUSED_REST),
        (AuthenticationError("no"), REFUSED_REST),
    ],
)
def test_a_rest_goes_over(error: DragomanError, rest: float) -> None:
    earlier = health()
    failed(earlier, error)
    new = inherited(earlier)
    assert [new.may_be_asked(now) for now in (0, rest - 0.1, rest)] == [False, False, True]


def test_the_latency_goes_over_with_its_age_and_requests_under_way_do_not() -> None:
    earlier = health()
    earlier.asked(0)
    earlier.measured(4.0, 0)
    new = inherited(earlier)
    assert (new.latency, new.in_flight) == (4.0, 0)
    for each in (earlier, new):
        each.measured(1.0, 5)
    assert new.latency == earlier.latency


def test_with_other_settings_of_its_service_it_is_another_target() -> None:
    earlier = health("a")
    failed(earlier, times=FAILURES)
    failed(earlier, AuthenticationError("no"))
    earlier.measured(4.0, 0)
    new = inherited(earlier, "b", place="b")
    assert (new.may_be_asked(0), new.latency) == (True, 0.0)


def test_with_another_key_it_is_as_slow_and_as_broken_as_before() -> None:
    earlier = health("a")
    failed(earlier, times=FAILURES)
    earlier.measured(4.0, 0)
    new = inherited(earlier, "b")
    assert ([new.may_be_asked(now) for now in (0, REST)], new.latency) == ([False, True], 4.0)


@pytest.mark.parametrize(
    "error", [RateLimitError("slow down", retry_after=30), PermissionDeniedError("no"), AuthenticationError("no")]
)
def test_what_was_refused_to_one_key_is_asked_for_with_another(error: DragomanError) -> None:
    earlier = health("a")
    failed(earlier, error)
    assert inherited(earlier, "b").may_be_asked(0)


@pytest.mark.parametrize(("failures", "rest"), [(0, REST), (FAILURES + 1, REST), (FAILURES, REST / 2)])
def test_a_breaker_with_other_settings_begins_anew_and_a_rest_goes_over(failures: int, rest: float) -> None:
    earlier = health()
    failed(earlier, times=FAILURES)
    assert inherited(earlier, failures=failures, rest=rest).may_be_asked(0)
    failed(earlier, RateLimitError("slow down", retry_after=30))
    assert not inherited(earlier, failures=failures, rest=rest).may_be_asked(0)


def test_nobody_is_told_of_it() -> None:
    earlier, told = health(), list[BreakerChange]()
    failed(earlier, times=FAILURES)
    new = Health(Service("a", "a"), Breaker(FAILURES, REST, "up/m", told.append))
    new.inherit(earlier)
    assert (new.breaker.state, told) == (State.OPEN, [])


@pytest.mark.parametrize(
    ("error", "fault", "seconds"),
    [
        (RateLimitError("slow down", retry_after=7), Fault.FULL, 7),
        (PermissionDeniedError("no"), Fault.MODEL, REFUSED_REST),
        (AuthenticationError("no"), Fault.KEY, REFUSED_REST),
    ],
)
def test_each_rest_is_told_once(error: DragomanError, fault: Fault, seconds: float) -> None:
    told: list[Rest] = []
    one = Health(Service(), Breaker(FAILURES, REST, "up/m"), notice=told.append)
    failed(one, error, times=3)
    assert told == [Rest("up/m", fault, error.code, seconds)]
    failed(one, error, now=seconds)
    assert len(told) == 2


def test_the_rest_of_a_key_is_told_once_for_all_its_targets() -> None:
    told: list[Rest] = []
    service = Service()
    for name in ("up/a", "up/b"):
        failed(Health(service, Breaker(FAILURES, REST, name), notice=told.append), AuthenticationError("no"))
    assert [each.target for each in told] == ["up/a"]


@pytest.mark.parametrize("error", [BROKEN, RateLimitError("slow down", retry_after=7), AuthenticationError("no")])
def test_of_a_target_that_is_asked_whatever_happens_nothing_is_told(error: DragomanError) -> None:
    rests: list[Rest] = []
    changes: list[BreakerChange] = []
    lone = Health(Service(), Breaker(FAILURES, REST, "up/m", changes.append), notice=rests.append, lone=True)
    failed(lone, error, times=FAILURES)
    assert (rests, changes, lone.may_be_asked(0), lone.in_flight) == ([], [], True, 0)


def test_a_target_is_limited_as_long_as_nothing_but_its_own_words_keeps_it_from_being_asked() -> None:
    one = health(rest=40.0)
    assert not one.is_limited(0)
    failed(one, RateLimitError("slow down", retry_after=30))
    assert [one.is_limited(now) for now in (0, 29, 30)] == [True, True, False]
    failed(one, times=FAILURES)
    assert not one.is_limited(0)
    failed(one, RateLimitError("slow down", retry_after=50))
    assert one.is_limited(0)
    failed(one, AuthenticationError("no"))
    assert not one.is_limited(0)
