"""How soon a target is asked again, and how large a part of all requests that may be."""

import pytest

from dragoman.errors import OverloadedError, RateLimitError
from dragoman.routing.retry import ALWAYS, RetryBudget, RetryPolicy

POLICY = RetryPolicy(attempts=3)


@pytest.mark.parametrize(("attempt", "most"), [(1, 0.5), (2, 1), (3, 2), (4, 4), (5, 8), (9, 8)])
def test_a_wait_that_nobody_named_is_a_random_part_of_one_that_doubles(attempt: int, most: float) -> None:
    error = OverloadedError("full")
    parts = iter((0.0, 0.5, 1.0))
    assert [POLICY.wait(error, attempt, parts.__next__) for _ in range(3)] == [0, most / 2, most]


def test_a_wait_that_the_service_named_is_kept() -> None:
    assert POLICY.wait(RateLimitError("slow down", retry_after=7), 1, lambda: 0.5) == 7
    assert POLICY.wait(RateLimitError("slow down", retry_after=0), 1, lambda: 0.5) == 0


def allowed(budget: RetryBudget, now: float, wanted: int) -> int:
    """How many of so many retries are allowed."""
    return sum(budget.allows(now) for _ in range(wanted))


def test_a_few_retries_are_always_allowed() -> None:
    assert allowed(RetryBudget(0.1), 0, 100) == ALWAYS


def test_more_are_a_part_of_the_requests() -> None:
    budget = RetryBudget(0.1)
    for _ in range(1000):
        budget.asked(1)
    assert allowed(budget, 1, 500) == 100


@pytest.mark.parametrize(("later", "more"), [(4.9, 0), (6, 0), (11, 3), (1000, 3)])
def test_what_is_long_ago_counts_no_more(later: float, more: int) -> None:
    budget = RetryBudget(0.1)
    for _ in range(1000):
        budget.asked(0)
    assert allowed(budget, 0, 500) == 100
    assert allowed(budget, later, 500) == more
