"""The details of Google's failures."""

from typing import Any

import pytest

from dragoman.errors import AuthenticationError, RateLimitError
from dragoman.protocols.errors.details import refined
from dragoman.protocols.errors.status import error_for
from dragoman.types import ResponseHead

PER_DAY = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
PER_MINUTE = {"violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}]}


def test_a_daily_quota_is_final_whatever_wait_is_named_beside_it() -> None:
    error = refined(error_for(429, "Please retry in 37s."), {"details": [PER_DAY, {"retryDelay": "37s"}]}, None)
    assert type(error) is RateLimitError
    assert (error.code, error.retryable, error.retry_after) == ("insufficient_quota", False, None)


def test_another_quota_is_worth_the_wait_that_is_named() -> None:
    error = refined(error_for(429, "said"), {"details": [PER_MINUTE, {"retryDelay": "39.5s"}]}, None)
    assert (error.code, error.retryable, error.retry_after) == ("rate_limit_exceeded", True, 39.5)


def test_a_head_names_the_wait_before_details_do() -> None:
    head = ResponseHead(429, ((b"retry-after", b"7"),))
    assert refined(error_for(429, "said", head=head), {"details": [{"retryDelay": "39s"}]}, head).retry_after == 7


@pytest.mark.parametrize(("said", "wait"), [("59.801628s", 59.801628), ("373.8ms", 0.3738), ("1h0m3s", 3603.0)])
def test_when_a_quota_begins_anew_is_a_wait(said: str, wait: float) -> None:
    error = refined(error_for(429, "said"), {"details": [{"metadata": {"quotaResetDelay": said}}]}, None)
    assert error.retry_after == pytest.approx(wait)


def test_the_name_of_a_limit_says_that_it_is_daily() -> None:
    named = {"metadata": {"quota_limit": "Gemini25ProRequestsPerDay", "quotaResetDelay": "59s"}}
    assert refined(error_for(429, "said"), {"details": [named]}, None).code == "insufficient_quota"


def test_a_refused_key_is_named_in_a_400() -> None:
    error = refined(error_for(400, "expired"), {"details": [{"reason": "API_KEY_INVALID"}]}, None)
    assert (type(error), error.message) == (AuthenticationError, "expired")


@pytest.mark.parametrize(
    "details",
    [
        None,
        {},
        "x",
        [],
        [None],
        [{"violations": 1}],
        [{"violations": [1, {"quotaId": 2}]}],
        [{"retryDelay": "soon"}],
        [{"metadata": 1}],
    ],
)
def test_details_of_other_shapes_change_nothing(details: Any) -> None:
    error = refined(error_for(429, "said"), {"details": details}, None)
    assert (type(error), error.retryable, error.retry_after) == (RateLimitError, True, None)
