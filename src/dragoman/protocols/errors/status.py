"""HTTP statuses and error codes to the tree of errors. Knows no vendor; several share these codes."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from dragoman.errors import (
    AuthenticationError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    EndpointNotFoundError,
    InvalidRequestError,
    ModelNotFoundError,
    OpaqueStateError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    TruncatedStreamError,
    UpstreamError,
)
from dragoman.types import ResponseHead

STATUS: dict[int, type[DragomanError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    402: QuotaExhaustedError,
    403: PermissionDeniedError,
    404: EndpointNotFoundError,
    413: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitError,
    503: OverloadedError,
    529: OverloadedError,
}
"""Status to class; any other status is an UpstreamError."""

ERROR_CODES: dict[str, type[DragomanError]] = {
    "insufficient_quota": QuotaExhaustedError,
    "billing_error": QuotaExhaustedError,
    "context_length_exceeded": ContextLengthError,
    "content_filter": ContentFilterError,
    "content_policy_violation": ContentFilterError,
    "model_not_found": ModelNotFoundError,
    "rate_limit_exceeded": RateLimitError,
    "rate_limit_error": RateLimitError,
    "invalid_api_key": AuthenticationError,
    "authentication_error": AuthenticationError,
    "permission_error": PermissionDeniedError,
    "overloaded_error": OverloadedError,
    TruncatedStreamError.code: TruncatedStreamError,
}
"""A service's `code` or `type`, more exact than its status. The last is our own, if the service is a dragoman too."""


PHRASES: dict[str, type[DragomanError]] = {
    "maximum context length": ContextLengthError,
    "context length exceeded": ContextLengthError,
    "exceeds the available context size": ContextLengthError,
    "prompt is too long": ContextLengthError,
    "exceeds the maximum number of tokens": ContextLengthError,
    "exceed context limit": ContextLengthError,
    "exceeds the context window": ContextLengthError,
}
"""What services write in their message if they have no code for it: vLLM, llama.cpp, Anthropic, Gemini. Agents shorten
their conversation when they get this error, so it must be recognised in every wording."""

KEPT: frozenset[type[DragomanError]] = frozenset({InvalidRequestError, OpaqueStateError, UpstreamError})
"""Errors that keep the service's own status; all others have one meaning, and so one status."""

OF_CONNECTION = frozenset({407, 421})
"""Statuses that HTTP clients take for one of their own connection: after 407 the `fetch` of Node (20, 2026-11) shows no
answer at all, and after 421 it sends the request once more. Callers get 502."""

AGAIN = frozenset({408, 409, 425})
"""Statuses below 500 without a class of their own after which the same request may succeed."""

AGAIN_WORDS: Mapping[str | None, bool] = {"true": True, "false": False}
"""Values of `x-should-retry`, which OpenAI, Anthropic and other gateways send: it is more exact than any status."""

LIMITS = ("requests", "tokens")
"""What OpenAI's services count, and name in `x-ratelimit-remaining-…` and `x-ratelimit-reset-…`."""


Phrases = Mapping[str, type[DragomanError]]
"""What services write in their message or code, in lower case and without backticks, to the error that it means."""

NO_PHRASES: Phrases = {}


def error_for(
    status: int,
    message: str,
    *,
    words: tuple[str | None, ...] = (),
    head: ResponseHead | None = None,
    phrases: Phrases = NO_PHRASES,
) -> DragomanError:
    """The most exact error for a service's failure. `words`: its code and type, the more exact one first.

    `phrases`: what only services of one protocol write.
    """
    kind = _kind(status, message, words, phrases)
    kept = kind in KEPT and 400 <= status < (600 if kind is UpstreamError else 500)
    shown = status if kept and status not in OF_CONNECTION else None
    error = kind(message, status=shown, retry_after=retry_after(head) if head else None)
    if kind is UpstreamError and kept and status < 500:
        error.retryable = status in AGAIN
    again = None if head is None else head.header("x-should-retry")
    if again in AGAIN_WORDS:
        error.retryable = AGAIN_WORDS[again]
    return error


def _kind(status: int, message: str, words: tuple[str | None, ...], phrases: Phrases) -> type[DragomanError]:
    known = next((ERROR_CODES[word] for word in words if word in ERROR_CODES), None)
    if known is not None:
        return known
    text = " ".join((message, *filter(None, words))).lower().replace("`", "") if phrases else ""
    if (found := next((kind for phrase, kind in phrases.items() if phrase in text), None)) is not None:
        return found
    text = message.lower()
    if (found := next((kind for phrase, kind in PHRASES.items() if phrase in text), None)) is not None:
        return found
    if status == 404 and "model" in text:
        return ModelNotFoundError
    return STATUS.get(status, UpstreamError)


LONGEST = 1e9
"""Seconds of the longest wait that callers are told: thirty years, in place of a number that none could read."""


def retry_after(head: ResponseHead) -> float | None:
    """Seconds to wait by `retry-after-ms` or `retry-after` (seconds, or a date measured by the reply's own clock), or
    else by what is said of a limit of which nothing remains. At most LONGEST.

    None if none is usable. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    seconds = _seconds_named(head)
    return None if seconds is None else min(seconds, LONGEST)


def _seconds_named(head: ResponseHead) -> float | None:
    seconds = _number(head.header("retry-after-ms"), 1000)
    if seconds is None:
        seconds = _number(head.header("retry-after"), 1)
    if seconds is None:
        seconds = _until(head)
    return seconds if seconds is not None else _reset(head)


_SECONDS = re.compile(r"\d{1,15}(?:\.\d{1,15})?", re.ASCII)


def _number(text: str | None, unit: int) -> float | None:
    return float(text) / unit if text is not None and _SECONDS.fullmatch(text) else None


def _until(head: ResponseHead) -> float | None:
    try:
        then = parsedate_to_datetime(head.header("retry-after") or "")
        now = parsedate_to_datetime(head.header("date") or "")
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


_SPAN = re.compile(
    r"(?=\d)(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?", re.ASCII
)
"""Hours, minutes, seconds and milliseconds as OpenAI writes them: `6m0s`, `1.5s`, `20ms`."""
_UNITS = (3600.0, 60.0, 1.0, 0.001)


def _reset(head: ResponseHead) -> float | None:
    """Seconds until all limits of which nothing remains begin anew; None if none is named."""
    if head.status != 429:
        return None
    spent = [limit for limit in LIMITS if head.header(f"x-ratelimit-remaining-{limit}") == "0"]
    waits = [_span(head.header(f"x-ratelimit-reset-{limit}")) for limit in spent]
    return max((wait for wait in waits if wait is not None), default=None)


def _span(text: str | None) -> float | None:
    found = _SPAN.fullmatch(text) if text else None
    if found is None:
        return _number(text, 1)
    return sum(float(part) * unit for part, unit in zip(found.groups(), _UNITS, strict=True) if part)
