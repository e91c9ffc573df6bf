"""An error in one line: who, with which status, of what kind, when to try again, and the service's own words."""

from dragoman.errors import (
    AuthenticationError,
    BadEventError,
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    EndpointNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RateLimitError,
    RequestError,
    TruncatedStreamError,
    UpstreamError,
)

KINDS: tuple[tuple[type[DragomanError], str], ...] = (
    (AuthenticationError, "key refused"),
    (EndpointNotFoundError, "no such path"),
    (PermissionDeniedError, "not permitted"),
    (RateLimitError, "rate limited"),
    (QuotaExhaustedError, "quota used up"),
    (ContextLengthError, "conversation too long"),
    (ContentFilterError, "filtered"),
    (OverloadedError, "overloaded"),
    (UpstreamError, "failed"),
    (RequestError, "refused"),
)
"""What a service's status means; the first class that fits decides."""

OURS = (BadEventError, TruncatedStreamError)
"""Errors of a service that named no status. A plain UpstreamError with the status that means "none" is one too."""


def complaint(error: DragomanError) -> str:
    """The whole line, without the program's name."""
    said = reason(error)
    return f"{error.provider}: {said}" if error.provider else said


def reason(error: DragomanError) -> str:
    """The line without the service's name: `429, rate limited, try again in 7 s: Slow down!`."""
    known = [_kind(error)] if _is_services(error) else []
    if error.retry_after is not None:
        known.append(f"try again in {_seconds(error.retry_after)}")
    return f"{', '.join(known)}: {error.message}" if known else error.message


def note(error: DragomanError) -> str:
    """The advice that was noted on the error when it was raised; empty if there is none."""
    return " ".join(vars(error).get("__notes__", ()))


def _is_services(error: DragomanError) -> bool:
    """Whether the error came from a service: a fault of the request may have been found by ourselves."""
    if isinstance(error, RequestError):
        return error.provider is not None
    unsaid = type(error) is UpstreamError and error.status == UpstreamError.status
    return isinstance(error, UpstreamError) and not isinstance(error, OURS) and not unsaid


def _kind(error: DragomanError) -> str:
    return f"{error.status}, {next(words for kind, words in KINDS if isinstance(error, kind))}"


def _seconds(seconds: float) -> str:
    """A time as people say it: `0.5 s`, `7 s`, `2 min`, `3 h`."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
