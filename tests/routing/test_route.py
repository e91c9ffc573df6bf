"""The course of a request through a route, by hand: no clock, no loop, no chance but a seed."""

from collections.abc import Sequence
from contextlib import suppress
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.engine.answer import Answer
from dragoman.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    TimeoutError,
    TruncatedStreamError,
)
from dragoman.routing.breaker import Breaker
from dragoman.routing.candidate import Candidate, Wall
from dragoman.routing.health import LIMITED_REST, REFUSED_REST, Health, Service
from dragoman.routing.plan import Course, RequestInfo, Target
from dragoman.routing.retry import RetryBudget, RetryPolicy
from dragoman.routing.route import MARGIN, Nested, Route
from dragoman.routing.strategies.cheapest import cheapest
from dragoman.routing.strategies.fallback import fallback
from dragoman.transport.base import Reply
from dragoman.types import ChatRequest, Loss
from tests.support.routes import FAILURES, REST, candidate, route

INFO = RequestInfo("fast")


async def _opened(request: ChatRequest) -> Answer:
    raise AssertionError("nobody is asked here")


async def _received(request: ChatRequest, reply: Reply, lost: tuple[Loss, ...]) -> Answer:
    raise AssertionError("nobody is asked here")


def target(name: str) -> Target:
    """A target that only a plan asks for."""
    return Target(f"{name}/m", "m", _opened, _received)


def targets(names: str) -> list[Target]:
    """One for each letter."""
    return [target(name) for name in names]


def asked(course: Course, *errors: DragomanError, now: float = 0.0) -> str:
    """Whom the course asks, one letter each, if these errors come; `.`: a wait; `!`: the error stands."""
    names = course.target.name[0]
    for error in errors:
        wait = course.after(error, now)
        if wait is None:
            return f"{names}!"
        names += f"{'.' if wait else ''}{course.target.name[0]}"
    return names


def fail(plan: Route, times: int, error: DragomanError, now: float = 0.0) -> None:
    """So many requests fail at the first target."""
    for _ in range(times):
        plan.begin(INFO, now).settle("broken", now, error)


def first(plan: Route, now: float = 0.0) -> str:
    """Whom the next request asks."""
    return plan.preview(INFO, now).target.name[0]


BROKEN = OverloadedError("full")


def test_one_after_another_is_asked_until_nobody_is_left() -> None:
    assert asked(route(targets("abc")).begin(INFO, 0), *[BROKEN] * 3) == "abc!"


@pytest.mark.parametrize("error", [InvalidRequestError("bad"), ContentFilterError("no")])
def test_a_fault_of_the_request_ends_it(error: DragomanError) -> None:
    assert asked(route(targets("ab")).begin(INFO, 0), error) == "a!"


def test_a_service_that_says_try_again_is_believed() -> None:
    error = InvalidRequestError("odd")
    error.retryable = True
    assert asked(route(targets("ab")).begin(INFO, 0), error) == "ab"


def test_no_request_is_sent_more_often_than_it_may() -> None:
    plan = route(targets("abcdefgh"), draw=lambda: 0.5, retry=RetryPolicy(attempts=3, calls=4))
    assert asked(plan.begin(INFO, 0), *[BROKEN] * 9) == "a.a.ab!"
    assert asked(route(targets("abcdefgh")).begin(INFO, 0), *[BROKEN] * 9) == "abcd!"


def test_the_same_target_is_asked_again_after_a_wait() -> None:
    plan = route(targets("ab"), draw=lambda: 0.5, retry=RetryPolicy(attempts=2))
    course = plan.begin(INFO, 0)
    assert course.after(BROKEN, 0) == 0.25
    assert course.target.name == "a/m"
    assert course.after(BROKEN, 1) == 0
    assert course.target.name == "b/m"


@pytest.mark.parametrize(("wait", "how"), [(0.0, "aa"), (1.0, "a.a"), (1.1, "ab"), (1e9, "ab")])
def test_a_long_wait_is_not_made_where_another_can_be_asked(wait: float, how: str) -> None:
    plan = route(targets("ab"), retry=RetryPolicy(attempts=2))
    assert asked(plan.begin(INFO, 0), RateLimitError("slow down", retry_after=wait)) == how


def test_those_who_were_told_one_moment_come_a_little_apart_and_never_too_early_or_too_late() -> None:
    plan = route(targets("a"), retry=RetryPolicy(attempts=2), total=20.0)
    waits = [plan.begin(INFO, 0).after(RateLimitError("slow down", retry_after=10), 0) for _ in range(20)]
    assert len(set(waits)) == 20
    assert all(wait is not None and 10 <= wait <= 11 for wait in waits)
    late = [plan.begin(INFO, 0).after(RateLimitError("slow down", retry_after=19.9), 0) for _ in range(20)]
    assert all(wait is not None and 19.9 <= wait <= 20 - MARGIN for wait in late)


@pytest.mark.parametrize(("wait", "how"), [(60.0, "a.a"), (60.1, "a!")])
def test_a_lone_target_is_waited_for_but_not_for_ever(wait: float, how: str) -> None:
    plan = route(targets("a"), retry=RetryPolicy(attempts=2))
    assert asked(plan.begin(INFO, 0), RateLimitError("slow down", retry_after=wait)) == how


def test_what_would_fail_again_is_not_repeated() -> None:
    plan = route(targets("ab"), retry=RetryPolicy(attempts=3))
    assert asked(plan.begin(INFO, 0), ModelNotFoundError("none")) == "ab"


def test_retries_have_a_budget_and_other_targets_have_none() -> None:
    plan = route(targets("a"), retry=RetryPolicy(attempts=2), budget=RetryBudget(0.1), draw=lambda: 0.1)
    ways = [asked(plan.begin(INFO, 0), ConnectError("refused")) for _ in range(10)]
    assert ways == ["a.a"] * 3 + ["a!"] * 7
    plan = route(targets("ab"), budget=RetryBudget(0.0))
    assert asked(plan.begin(INFO, 0), BROKEN) == "ab"


def test_all_attempts_share_one_deadline() -> None:
    plan = route(targets("ab"), total=10.0, retry=RetryPolicy(attempts=2))
    assert asked(plan.begin(INFO, 0), BROKEN, now=10.0) == "a!"
    lone = route(targets("a"), total=10.0, retry=RetryPolicy(attempts=2))
    assert asked(lone.begin(INFO, 0), RateLimitError("slow down", retry_after=5), now=5.0) == "a!"
    assert asked(lone.begin(INFO, 0), RateLimitError("slow down", retry_after=5), now=4.0) == "a.a"


def test_an_attempt_that_follows_has_what_is_left_of_the_time() -> None:
    plan = route(targets("ab"), total=10.0, retry=RetryPolicy(attempts=2))
    course = plan.begin(INFO, 5)
    assert course.ends == 15
    assert course.after(RateLimitError("slow down", retry_after=1), 9) == pytest.approx(1.05, abs=0.06)
    assert course.ends == 15
    assert (course.after(BROKEN, 14), course.target.name, course.ends) == (0, "b/m", 15)
    assert route(targets("ab")).begin(INFO, 5).ends == inf


def walled(outer: float | None, inner: float) -> Route:
    """A route to `a` and to a nested route to `b` and `c`, with these deadlines."""
    wall = Wall(inner)
    b, c = (candidate(each, walls=(wall,)) for each in targets("bc"))
    nested = Nested(name="inner", route=Route([b, c], fallback, lambda: 0.5, total=inner))
    return Route([candidate(target("a")), nested], fallback, lambda: 0.5, total=outer)


def test_the_time_of_a_nested_route_runs_from_its_first_attempt_and_never_beyond_the_outer_one() -> None:
    course = walled(None, 5).begin(INFO, 0)
    assert course.ends == inf
    assert (course.after(BROKEN, 100), course.target.name, course.ends) == (0, "b/m", 105)
    assert (course.after(BROKEN, 103), course.target.name, course.ends) == (0, "c/m", 105)
    assert asked(walled(None, 5).begin(INFO, 0), BROKEN, now=100) == "ab"
    late = walled(None, 5).begin(INFO, 0)
    late.after(BROKEN, 100)
    assert late.after(BROKEN, 105) is None
    course = walled(102, 5).begin(INFO, 0)
    assert (course.after(BROKEN, 100), course.ends) == (0, 102)


def test_a_target_that_got_only_the_rest_of_the_time_is_not_blamed_for_it() -> None:
    plan = route(targets("ab"), total=10.0)
    late = TimeoutError("no end", phase="total")
    for _ in range(FAILURES):
        course = plan.begin(INFO, 0)
        assert course.after(OverloadedError("full", retry_after=0), 9) == 0
        course.settle("broken", 10, late)
    assert first(plan, 10) == "b"
    assert plan.ordered()[1].health.may_be_asked(10)
    lone = route(targets("ab"), total=10.0)
    fail(lone, FAILURES, late, now=0)
    assert first(lone) == "b"


def test_what_was_too_long_goes_only_to_a_target_that_holds_more() -> None:
    sizes: list[int | None] = [1000, None, 1000, 900, 2000]
    members = [candidate(each, context=size) for each, size in zip(targets("abcde"), sizes, strict=True)]
    plan = Route(members, fallback, lambda: 0.5)
    assert asked(plan.begin(INFO, 0), ContextLengthError("long"), ContextLengthError("long")) == "ae!"


def test_what_was_too_long_where_nothing_is_known_goes_to_a_target_that_is_known() -> None:
    sizes: list[int | None] = [None, None, 1000, 900, 2000]
    members = [candidate(each, context=size) for each, size in zip(targets("abcde"), sizes, strict=True)]
    plan = Route(members, fallback, lambda: 0.5)
    assert asked(plan.begin(INFO, 0), *[ContextLengthError("long")] * 3) == "ace!"


def test_what_was_too_long_goes_to_no_smaller_target_after_another_failure_either() -> None:
    members = [
        candidate(each, context=size) for each, size in zip(targets("abcd"), (1000, 500, 2000, 3000), strict=True)
    ]
    plan = Route(members, fallback, lambda: 0.5)
    assert asked(plan.begin(INFO, 0), ContextLengthError("long"), BROKEN, BROKEN) == "acd!"


def test_a_target_that_failed_often_is_left_out_until_it_has_rested() -> None:
    plan = route(targets("ab"))
    fail(plan, FAILURES - 1, TruncatedStreamError("cut"))
    assert first(plan) == "a"
    fail(plan, 1, TimeoutError("silent", phase="first_token"))
    assert [first(plan, now) for now in (0, REST - 0.1, REST)] == ["b", "b", "a"]


def test_one_request_tries_a_target_that_has_rested_and_no_other() -> None:
    plan = route(targets("ab"))
    fail(plan, FAILURES, BROKEN)
    trial = plan.begin(INFO, REST)
    assert (trial.target.name, first(plan, REST)) == ("a/m", "b")
    trial.settle("whole", REST)
    assert first(plan, REST) == "a"


@pytest.mark.parametrize("error", [None, BROKEN], ids=["left", "failed"])
def test_a_request_from_before_the_rest_makes_no_second_trial(error: DragomanError | None) -> None:
    plan = route(targets("ab"))
    early = plan.begin(INFO, 0)
    fail(plan, FAILURES, BROKEN)
    trial = plan.begin(INFO, REST)
    assert trial.target.name == "a/m"
    early.settle("gone" if error is None else "broken", REST, error)
    assert first(plan, REST) == "b"
    trial.settle("whole", REST)
    assert first(plan, REST) == "a"


def test_a_trial_that_ends_otherwise_gives_its_place_back() -> None:
    for end in (("gone", None), ("broken", InvalidRequestError("bad"))):
        plan = route(targets("ab"))
        fail(plan, FAILURES, BROKEN)
        plan.begin(INFO, REST).settle(end[0], REST, end[1])
        assert first(plan, REST) == "a"


def test_faults_of_requests_and_callers_who_leave_open_no_breaker() -> None:
    plan = route(targets("ab"))
    for _ in range(10):
        plan.begin(INFO, 0).settle("gone", 0)
        assert asked(plan.begin(INFO, 0), InvalidRequestError("bad")) == "a!"
    assert first(plan) == "a"


def test_a_429_is_a_rest_and_no_fault() -> None:
    plan = route(targets("ab"))
    fail(plan, 1, RateLimitError("slow down", retry_after=30))
    assert [first(plan, now) for now in (0, 29.9, 30)] == ["b", "b", "a"]
    fail(plan, 1, RateLimitError("slow down"), now=40)
    assert [first(plan, now) for now in (40, 40.8, 41)] == ["b", "b", "a"]


def test_a_target_that_names_no_wait_is_asked_again_when_it_has_rested() -> None:
    plan = route(targets("ab"), retry=RetryPolicy(attempts=2))
    courses = [plan.begin(INFO, 0) for _ in range(20)]
    waits = [course.after(RateLimitError("slow down"), 0) for course in courses]
    assert {course.target.name for course in courses} == {"a/m"}
    assert all(wait is not None and LIMITED_REST <= wait < 1 for wait in waits)
    assert len(set(waits)) == 20
    alone = Route([candidate(target("a"))], fallback, lambda: 0.5, retry=RetryPolicy(attempts=2))
    alone.members[0].health.lone = True  # type: ignore[attr-defined]  # it is a candidate
    assert alone.begin(INFO, 0).after(RateLimitError("slow down"), 0) == 0.25


def sharing(names: str) -> Route:
    """Targets at one service, and `z` at another."""
    service = Service()
    health = [Health(service, Breaker(FAILURES, REST)) for _ in names]
    members = [Candidate(target=each, health=one) for each, one in zip(targets(names), health, strict=True)]
    return Route([*members, candidate(target("z"))], fallback, lambda: 0.5)


def test_a_key_that_is_refused_rests_with_all_its_targets_and_a_model_alone() -> None:
    plan = sharing("ab")
    fail(plan, 1, AuthenticationError("bad key"))
    assert [first(plan, now) for now in (0, REFUSED_REST)] == ["z", "a"]
    plan = sharing("ab")
    fail(plan, 1, PermissionDeniedError("not this model"))
    assert [first(plan, now) for now in (0, REFUSED_REST)] == ["b", "a"]


def test_if_nobody_can_be_asked_that_is_said_at_once_and_when_to_try_again() -> None:
    plan = route(targets("ab"))
    for each in plan.members:
        for _ in range(FAILURES):
            each.health.breaker.failed(0.0)  # type: ignore[attr-defined]  # they are candidates
    with pytest.raises(OverloadedError) as caught:
        plan.begin(INFO, 4)
    assert (caught.value.status, caught.value.retry_after) == (503, 6.0)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RateLimitError("slow down", retry_after=30), RateLimitError),
        (RateLimitError("slow down"), RateLimitError),
        (PermissionDeniedError("not this model"), OverloadedError),
        (AuthenticationError("bad key"), OverloadedError),
    ],
)
def test_nobody_is_told_of_a_limit_if_something_else_keeps_the_target_from_being_asked(
    error: DragomanError, kind: type[DragomanError]
) -> None:
    plan = route(targets("ab"))
    course = plan.begin(INFO, 0)
    assert (course.after(error, 0), course.after(error, 0)) == (0, None)
    with pytest.raises(DragomanError) as caught:
        plan.begin(INFO, 0)
    assert type(caught.value) is kind


def test_a_lone_target_is_asked_whatever_is_known_of_it() -> None:
    plan = route(targets("a"))
    fail(plan, 10, BROKEN)
    assert first(plan) == "a"


def test_a_target_gets_no_more_requests_at_a_time_than_it_may() -> None:
    one, other = targets("ab")
    plan = Route([candidate(one, max_parallel=1), candidate(other, max_parallel=1)], fallback, lambda: 0.5)
    courses = [plan.begin(INFO, 0), plan.begin(INFO, 0)]
    assert [course.target.name[0] for course in courses] == ["a", "b"]
    with pytest.raises(OverloadedError) as caught:
        plan.begin(INFO, 0)
    assert caught.value.retry_after == 1
    courses[0].settle("whole", 0)
    assert first(plan) == "a"


def test_a_full_target_is_passed_over_after_a_failure_too() -> None:
    members = [candidate(each, max_parallel=size) for each, size in zip(targets("abc"), [9, 1, 9], strict=True)]
    plan = Route(members, fallback, lambda: 0.5)
    members[1].health.asked(0)
    assert asked(plan.begin(INFO, 0), BROKEN) == "ac"


def test_a_route_in_a_route_keeps_its_own_order() -> None:
    a, b, c, d = targets("abcd")
    dear, cheap = candidate(a, price=2), candidate(b, price=1)
    inner = Nested(name="inner", route=Route([dear, cheap], cheapest, lambda: 0.5))
    plan = Route([candidate(c), inner, candidate(d)], fallback, lambda: 0.5)
    assert [each.name[0] for each in plan.targets] == ["c", "a", "b", "d"]
    assert asked(plan.begin(INFO, 0), *[BROKEN] * 3) == "cbad"
    plan.begin(INFO, 0)
    assert (inner.in_flight, inner.latency) == (0, 0)


def test_the_first_content_is_what_latency_is_measured_by() -> None:
    plan = route(targets("a"), retry=RetryPolicy(attempts=2), draw=lambda: 1.0)
    course = plan.begin(INFO, 0)
    assert course.after(BROKEN, 2) == 0.5
    course.committed(4.5)
    assert plan.members[0].latency == 2
    later = plan.begin(INFO, 10)
    later.committed(11)
    assert 1 < plan.members[0].latency < 2


def test_nobody_is_no_route() -> None:
    with pytest.raises(ConfigurationError):
        route([])


ERRORS: list[Any] = [
    lambda: OverloadedError("full"),
    lambda: RateLimitError("slow down", retry_after=5),
    lambda: RateLimitError("slow down"),
    lambda: AuthenticationError("bad key"),
    lambda: InvalidRequestError("bad"),
    lambda: ContextLengthError("long"),
    lambda: ConnectError("refused"),
]


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, len(ERRORS) - 1), st.floats(0, 20), st.sampled_from("efsgw")),
        max_size=60,
    ),
    attempts=st.integers(1, 3),
)
def test_whatever_happens_all_requests_are_given_back(
    steps: Sequence[tuple[int, int, float, str]], attempts: int
) -> None:
    plan = route(targets("abc"), retry=RetryPolicy(attempts=attempts, calls=4))
    health = [each.health for each in plan.members]  # type: ignore[attr-defined]  # they are candidates
    now = 0.0
    under_way: list[Course] = []
    for which, error, seconds, what in steps:
        now += seconds
        if what == "e" or not under_way:
            with suppress(OverloadedError, RateLimitError):
                under_way.append(plan.begin(INFO, now))
        elif what == "f":
            if under_way[which % len(under_way)].after(ERRORS[error](), now) is None:
                del under_way[which % len(under_way)]
        else:
            course = under_way.pop(which % len(under_way))
            ended: Any = {"s": ("whole", None), "g": ("gone", None), "w": ("broken", ERRORS[error]())}[what]
            course.settle(ended[0], now, ended[1])
            course.settle("whole", now)
        assert sum(each.in_flight for each in health) == len(under_way)
    for course in under_way:
        course.settle("gone", now)
    assert [each.in_flight for each in health] == [0, 0, 0]


@given(
    steps=st.lists(st.tuples(st.integers(0, len(ERRORS) - 1), st.floats(0, 12)), max_size=6),
    outer=st.one_of(st.none(), st.floats(0.1, 40)),
    inner=st.floats(0.1, 20),
)
@settings(max_examples=50, deadline=None)
def test_no_attempt_is_begun_without_time_for_it(
    steps: Sequence[tuple[int, float]], outer: float | None, inner: float
) -> None:
    course = walled(outer, inner).begin(INFO, 0)
    now, entered, calls = 0.0, inf, 1
    for error, seconds in steps:
        now += seconds
        wait = course.after(ERRORS[error](), now)
        if wait is None:
            break
        calls += 1
        if course.target.name != "a/m":
            entered = min(entered, now)
        assert now + wait + MARGIN <= course.ends <= min(inf if outer is None else outer, entered + inner)
    assert calls <= 3
