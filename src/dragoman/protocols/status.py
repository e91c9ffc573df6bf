"""HTTP statuses and error words to the tree of errors. Knows no vendor; several share these words."""

import re
from email.utils import parsedate_to_datetime

from dragoman.errors import (
    AuthenticationError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    InvalidRequestError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    TruncatedStreamError,
    UpstreamError,
)
from dragoman.types import ReplyHead

STATUS: dict[int, type[DragomanError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    402: QuotaExhaustedError,
    403: PermissionDeniedError,
    404: ModelNotFoundError,
    413: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitError,
    503: OverloadedError,
    529: OverloadedError,
}
"""Any other is an UpstreamError."""

WORDS: dict[str, type[DragomanError]] = {
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
"""A service's `code` or `type`, more exact than its status. The last is our own, for a dragoman behind a dragoman."""


def error_for(
    status: int, message: str, *, words: tuple[str | None, ...] = (), head: ReplyHead | None = None
) -> DragomanError:
    """The most exact error for a service's failure. `words`: its code and type, the more exact first."""
    known = (WORDS[word] for word in words if word in WORDS)
    kind = next(known, None) or STATUS.get(status, UpstreamError)
    if kind is RateLimitError:
        return RateLimitError(message, retry_after=retry_after(head) if head else None)
    if kind is UpstreamError:
        return UpstreamError(message, status=status if status >= 500 else 502)
    return kind(message)


def retry_after(head: ReplyHead) -> float | None:
    """Seconds to wait by `retry-after-ms` or `retry-after` (seconds, or a date measured by the reply's own clock).

    None where nothing usable was said. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    seconds = _number(head.header("retry-after-ms"), 1000)
    if seconds is None:
        seconds = _number(head.header("retry-after"), 1)
    return seconds if seconds is not None else _until(head)


_SECONDS = re.compile(r"\d{1,15}(?:\.\d{1,15})?", re.ASCII)


def _number(text: str | None, unit: int) -> float | None:
    return float(text) / unit if text is not None and _SECONDS.fullmatch(text) else None


def _until(head: ReplyHead) -> float | None:
    try:
        then = parsedate_to_datetime(head.header("retry-after") or "")
        now = parsedate_to_datetime(head.header("date") or "")
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
