"""Statuses and error words, and how long to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import (
    AuthenticationError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    EndpointNotFoundError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    UpstreamError,
)
from dragoman.protocols.errors.status import ERROR_CODES, STATUS, error_for
from dragoman.protocols.errors.waits import retry_after
from dragoman.types import ResponseHead

SHOWN: dict[int, tuple[type[DragomanError], int]] = {
    302: (UpstreamError, 502),
    400: (InvalidRequestError, 400),
    401: (AuthenticationError, 401),
    402: (QuotaExhaustedError, 429),
    403: (PermissionDeniedError, 403),
    404: (EndpointNotFoundError, 404),
    407: (UpstreamError, 502),
    408: (UpstreamError, 408),
    413: (InvalidRequestError, 413),
    418: (UpstreamError, 418),
    421: (UpstreamError, 502),
    422: (InvalidRequestError, 422),
    429: (RateLimitError, 429),
    498: (OverloadedError, 503),
    500: (UpstreamError, 500),
    502: (UpstreamError, 502),
    503: (OverloadedError, 503),
    504: (UpstreamError, 504),
    529: (OverloadedError, 503),
}


@pytest.mark.parametrize("status", SHOWN)
def test_each_status_has_its_error(status: int) -> None:
    error = error_for(status, "said")
    assert (type(error), error.status, error.message) == (*SHOWN[status], "said")
    assert set(STATUS) <= set(SHOWN)


@pytest.mark.parametrize("status", [407, 418, 421])
def test_a_refusal_is_final_however_it_is_shown(status: int) -> None:
    assert not error_for(status, "said").retryable


def test_a_word_is_more_exact_than_a_status_and_the_first_known_one_holds() -> None:
    assert type(error_for(429, "", words=("insufficient_quota", "rate_limit_error"))) is QuotaExhaustedError
    assert type(error_for(400, "", words=(None, "odd", "context_length_exceeded"))) is ContextLengthError
    assert type(error_for(500, "", words=("content_filter",))) is ContentFilterError
    assert type(error_for(403, "", words=(None, "odd"))) is PermissionDeniedError
    for word, kind in ERROR_CODES.items():
        assert type(error_for(418, "", words=(word,))) is kind


def test_every_error_says_how_long_to_wait_if_the_service_did() -> None:
    head = ResponseHead(429, ((b"retry-after", b"7"),))
    limited = error_for(429, "", head=head)
    assert isinstance(limited, RateLimitError)
    assert limited.retry_after == 7
    worded = error_for(500, "", words=("rate_limit_exceeded",), head=head)
    assert isinstance(worded, RateLimitError)
    assert worded.retry_after == 7
    bare = error_for(429, "")
    assert isinstance(bare, RateLimitError)
    assert bare.retry_after is None
    assert type(error_for(503, "", head=head)) is OverloadedError
    assert [error_for(status, "", head=head).retry_after for status in SHOWN] == [7] * len(SHOWN)


def test_of_statuses_below_500_only_some_are_worth_another_try() -> None:
    assert [status for status in (405, 406, 408, 409, 415, 418, 425, 451) if error_for(status, "").retryable] == [
        408,
        409,
        425,
    ]


def test_a_missing_path_is_no_missing_model() -> None:
    assert type(error_for(404, "Not Found")) is EndpointNotFoundError
    assert type(error_for(404, "The model `x` does not exist")) is ModelNotFoundError


NOON = b"Sun, 06 Nov 1994 12:00:00 GMT"

WAITS: list[tuple[dict[str, bytes], float | None]] = [
    ({}, None),
    ({"retry-after": b"0"}, 0.0),
    ({"retry-after": b"7"}, 7.0),
    ({"retry-after": b" 7.25 "}, 7.25),
    ({"retry-after": b"999999999"}, 999999999.0),
    ({"retry-after": b"784123230", "date": NOON}, 784123230.0),
    ({"retry-after": b"1771404540", "date": b"Wed, 18 Feb 2026 08:48:50 GMT"}, 10.0),
    ({"retry-after": b"1771404540000", "date": b"Wed, 18 Feb 2026 08:48:50 GMT"}, 10.0),
    ({"retry-after": b"1771404540", "date": b"Wed, 18 Feb 2026 08:49:50 GMT"}, None),
    ({"retry-after": b"1771404540"}, None),
    ({"retry-after": b"30s"}, 30.0),
    ({"retry-after": b"1m30.5s"}, 90.5),
    ({"retry-after": b"30s", "date": NOON}, 30.0),
    ({"retry-after": b"30x"}, None),
    ({"retry-after": b"-1"}, None),
    ({"retry-after": b""}, None),
    ({"retry-after": b"soon"}, None),
    ({"retry-after": b"nan"}, None),
    ({"retry-after": b"inf"}, None),
    ({"retry-after": b"1e3"}, None),
    ({"retry-after": b"1_000"}, None),
    ({"retry-after": b"\xb2"}, None),
    ({"retry-after": b"9" * 400}, None),
    ({"retry-after-ms": b"1500"}, 1.5),
    ({"retry-after-ms": b"1500", "retry-after": b"7"}, 1.5),
    ({"retry-after-ms": b"-5", "retry-after": b"7"}, 7.0),
    ({"retry-after-ms": b"junk", "retry-after": b"Sun, 06 Nov 1994 12:00:30 GMT", "date": NOON}, 30.0),
    ({"retry-after": b"Sun, 06 Nov 1994 12:01:00 GMT", "date": NOON}, 60.0),
    ({"retry-after": b"Sunday, 06-Nov-94 12:00:05 GMT", "date": NOON}, 5.0),
    ({"retry-after": b"Sun Nov  6 12:00:05 1994", "date": b"Sun Nov  6 12:00:00 1994"}, 5.0),
    ({"retry-after": b"Sun, 06 Nov 1994 13:00:05 +0100", "date": NOON}, 5.0),
    ({"retry-after": b"Sun, 06 Nov 1994 11:00:00 GMT", "date": NOON}, 0.0),
    ({"retry-after": NOON}, None),
    ({"retry-after": NOON, "date": b"today"}, None),
    ({"retry-after": b"Sun, 06 Nov 1994 12:00:00", "date": NOON}, None),
    ({"retry-after": b"Sun, 06 Nov 1994 12:00:00 +99999999999999", "date": NOON}, None),
    ({"retry-after": b"Sun, 06 Nov 99999 12:00:00 GMT", "date": NOON}, None),
]


@pytest.mark.parametrize(("headers", "seconds"), WAITS)
def test_the_wait_is_read_in_every_form(headers: dict[str, bytes], seconds: float | None) -> None:
    head = ResponseHead(429, tuple((name.title().encode(), value) for name, value in headers.items()))
    assert retry_after(head) == seconds


@given(st.binary(max_size=30), st.sampled_from([b"", b"Sun, ", b"06 Nov 1994 12:00:00 "]))
def test_a_junk_wait_is_none_or_a_number(junk: bytes, before: bytes) -> None:
    value = before + junk
    for name in (b"retry-after", b"retry-after-ms", b"date"):
        seconds = retry_after(ResponseHead(429, ((name, value), (b"retry-after", NOON), (b"date", NOON))))
        assert seconds is None or 0 <= seconds < float("inf")


@pytest.mark.parametrize(
    ("said", "status", "again"), [("true", 400, True), ("false", 503, False), ("false", 429, False)]
)
def test_a_service_that_says_whether_to_try_again_is_believed(said: str, status: int, again: bool) -> None:
    head = ResponseHead(status, ((b"x-should-retry", said.encode()),))
    assert error_for(status, "", head=head).retryable is again
    assert error_for(status, "").retryable is not again


def test_another_word_is_not_understood() -> None:
    head = ResponseHead(503, ((b"x-should-retry", b"maybe"),))
    assert error_for(503, "", head=head).retryable


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),
        ("20ms", 0.02),
        ("1m20ms", 60.02),
        ("12", 12.0),
        ("", None),
        ("s", None),
        ("-1s", None),
        ("1e9s", None),
        ("1s1m", None),
        ("9" * 30 + "s", None),
    ],
)
def test_a_limit_of_which_nothing_is_left_says_when_it_begins_anew(text: str, seconds: float | None) -> None:
    fields = ((b"x-ratelimit-remaining-tokens", b"0"), (b"x-ratelimit-reset-tokens", text.encode()))
    assert retry_after(ResponseHead(429, fields)) == seconds


def test_the_last_limit_counts_and_only_one_that_is_spent_and_only_if_nothing_more_exact_is_said() -> None:
    spent = (
        (b"x-ratelimit-remaining-tokens", b"0"),
        (b"x-ratelimit-reset-tokens", b"2s"),
        (b"x-ratelimit-remaining-requests", b"0"),
        (b"x-ratelimit-reset-requests", b"1m0s"),
    )
    assert retry_after(ResponseHead(429, spent)) == 60
    assert retry_after(ResponseHead(429, (*spent[:2], (b"x-ratelimit-remaining-requests", b"9"), spent[3]))) == 2
    assert retry_after(ResponseHead(503, spent)) is None
    assert retry_after(ResponseHead(429, (*spent, (b"retry-after", b"7")))) == 7


NOW = (b"date", b"Tue, 26 Mar 2024 19:59:30 GMT")
"""1711483170 in seconds since 1970."""


@pytest.mark.parametrize(
    ("limit", "text", "seconds"),
    [
        ("anthropic-ratelimit-requests", "2024-03-26T20:00:00Z", 30.0),
        ("anthropic-ratelimit-tokens", "2024-03-26T20:00:00.250+00:00", 30.25),
        ("anthropic-ratelimit-input-tokens", "2024-03-26T21:00:00+01:00", 30.0),
        ("anthropic-ratelimit-output-tokens", "2024-03-26T20:00:00", None),
        ("anthropic-ratelimit-requests", "2024-03-26T19:59:00Z", None),
        ("anthropic-ratelimit-requests", "2025-03-26T20:00:00Z", None),
        ("anthropic-ratelimit-requests", "soon", None),
        ("x-ratelimit", "1711483200", 30.0),
        ("x-ratelimit", "1711483200000", 30.0),
        ("x-ratelimit", "1711483199500", 29.5),
        ("x-ratelimit", "30", 30.0),
        ("x-ratelimit", "17114832000000000", None),
        ("x-ratelimit", "1711483000", None),
        ("ratelimit", "30", 30.0),
    ],
)
def test_a_limit_names_a_span_or_a_moment(limit: str, text: str, seconds: float | None) -> None:
    fields = (
        (f"{limit}-remaining".encode(), b"0"),
        (f"{limit}-reset".encode(), text.encode()),
        (b"anthropic-ratelimit-tokens-limit", b"25000"),
    )
    assert retry_after(ResponseHead(429, (*fields, NOW))) == seconds
    if text != "30":
        assert retry_after(ResponseHead(429, fields)) is None  # by whose clock?
