"""Errors in one line."""

import pytest

from dragoman.cli.complaints import complaint
from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    ConnectError,
    DragomanError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    QuotaExhaustedError,
    RateLimitError,
    TruncatedStreamError,
    UpstreamError,
)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RateLimitError("Slow!", provider="up", retry_after=7), "up: 429, rate limited, try again in 7 s: Slow!"),
        (RateLimitError("Slow!"), "429, rate limited: Slow!"),
        (OverloadedError("Busy", retry_after=0.25), "503, overloaded, try again in 0.25 s: Busy"),
        (QuotaExhaustedError("No money", retry_after=600), "429, quota used up, try again in 10 min: No money"),
        (UpstreamError("Broken", status=500, retry_after=9000), "500, failed, try again in 2 h: Broken"),
        (UpstreamError("Broken", provider="up"), "up: Broken"),
        (AuthenticationError("Who?", provider="up"), "up: 401, key refused: Who?"),
        (InvalidRequestError("bad", status=422, provider="up"), "up: 422, refused: bad"),
        (InvalidRequestError("bad"), "bad"),
        (ModelNotFoundError("none"), "none"),
        (BadEventError("no JSON", provider="up"), "up: no JSON"),
        (TruncatedStreamError("broke off", provider="up"), "up: broke off"),
        (ConnectError("refused", provider="up"), "up: refused"),
        (ConnectError("refused", retry_after=1), "try again in 1 s: refused"),
    ],
)
def test_says_who_what_and_when(error: DragomanError, line: str) -> None:
    assert complaint(error) == line
