"""How long a service wants its caller to wait, by its words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols.errors.status import error_for
from dragoman.protocols.errors.waits import LONGEST, wait_in, wait_said, wait_until
from dragoman.types import ResponseHead

WORDS: list[tuple[str, float | None]] = [
    ("Rate limit reached for gpt-4. Please try again in 20s. Contact us", 20.0),
    ("Please try again in 1.242s.", 1.242),
    ("Please try again in 850ms.", 0.85),
    ("Please try again in 57m36s. Need more tokens?", 3456.0),
    ("please TRY AGAIN IN 1h2m3.5s", 3723.5),
    ("Please retry in 39.507231s.", 39.507231),
    ("Please retry after 26 seconds. Please go here", 26.0),
    ("Please wait 47152 seconds before retrying.", 47152.0),
    ("Try again in 2 minutes", 120.0),
    ("Try again in 1 hour 30 minutes", 5400.0),
    ("retry in 999999999h", LONGEST),
    ("Please try again later.", None),
    ("try again in a few minutes", None),
    ("try again in 5 days", None),
    ("try again in 5", None),
    ("Limit 3 / min", None),
    ("", None),
]


@pytest.mark.parametrize(("words", "seconds"), WORDS)
def test_a_wait_in_words_is_read(words: str, seconds: float | None) -> None:
    found = wait_in(words)
    assert found == (None if seconds is None else pytest.approx(seconds))


@given(st.text(max_size=40))
def test_junk_behind_the_words_is_none_or_a_number(junk: str) -> None:
    for before in ("try again in ", "retry after 1", "please wait 2m"):
        seconds = wait_in(before + junk)
        assert seconds is None or 0 <= seconds <= LONGEST


def test_a_head_is_more_exact_than_words_and_only_limits_have_waits_in_words() -> None:
    words = "Please try again in 20s."
    assert error_for(429, words).retry_after == 20
    assert error_for(503, words).retry_after == 20
    assert error_for(400, words).retry_after is None
    assert error_for(429, words, head=ResponseHead(429, ((b"retry-after", b"7"),))).retry_after == 7
    assert error_for(200, words, words=("rate_limit_exceeded",), head=ResponseHead(200, ())).retry_after == 20


DATED = ResponseHead(429, ((b"date", b"Sat, 28 Nov 2026 10:00:00 GMT"),))


@pytest.mark.parametrize(
    ("moment", "head", "seconds"),
    [
        ("1795867200000", DATED, 7200.0),
        ("1795860001500", DATED, 1.5),
        ("1700000000000", DATED, 0.0),
        ("9" * 15, DATED, LONGEST),
        ("soon", DATED, None),
        (1795867200000, DATED, None),
        (None, DATED, None),
        ("1795867200000", ResponseHead(429, ()), None),
        ("1795867200000", ResponseHead(429, ((b"date", b"today"),)), None),
        ("1795867200000", None, None),
    ],
)
def test_a_moment_is_measured_by_the_clock_of_the_reply(
    moment: object, head: ResponseHead | None, seconds: float | None
) -> None:
    assert wait_until(moment, head) == seconds


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [
        ({"resets_in_seconds": 7200}, 7200.0),
        ({"reset_seconds": 0}, 0.0),
        ({"retry_after": 1.5}, 1.5),
        ({"metadata": {"retry_after_seconds": 11}}, 11.0),
        ({"retry_after": "2026-11-29T10:00:00Z", "reset_seconds": 5}, 5.0),
        ({"retry_after": -1}, None),
        ({"retry_after": True}, None),
        ({"retry_after": 1e300}, None),
        ({"metadata": "retry_after"}, None),
        ({}, None),
    ],
)
def test_a_wait_in_a_field_of_a_failure_is_read(failure: dict[str, object], seconds: float | None) -> None:
    assert wait_said(failure) == seconds
