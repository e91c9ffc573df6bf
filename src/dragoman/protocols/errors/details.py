"""The details of a failure as Google's services write them, in their own protocol and in OpenAI's.

https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
"""

from collections.abc import Mapping
from typing import Any

from dragoman.errors import AuthenticationError, DragomanError, QuotaExhaustedError, RateLimitError
from dragoman.protocols.errors.waits import retry_after, span
from dragoman.types import ResponseHead

BAD_KEY = "API_KEY_INVALID"
"""The reason of a 400 that is about the key."""

DAILY = ("PerDay", "Daily")
"""Parts of the name of a quota that is not filled up before the next day, whatever wait is named beside it."""

LIMIT, RESET = "quota_limit", "quotaResetDelay"
"""Fields of the metadata of an `ErrorInfo`: the name of a quota (google-gemini/gemini-cli#10925), and when it begins
anew (router-for-me/CLIProxyAPI#449)."""


def refined(error: DragomanError, said: Mapping[str, Any], head: ResponseHead | None) -> DragomanError:
    """`error`, or a more exact one by the details of the failure that it stands for; with the wait that they name,
    unless the head of the reply names one."""
    found = said.get("details")
    details = [each for each in (found if isinstance(found, list) else ()) if isinstance(each, dict)]
    if any(each.get("reason") == BAD_KEY for each in details):
        return AuthenticationError(error.message)
    if type(error) is RateLimitError and any(_is_daily(each) for each in details):
        # Each model has a quota of its own: the others that are asked with this key may answer.
        error.code, error.retryable, error.retry_after = QuotaExhaustedError.code, False, None
        return error
    said_waits = [each.get("retryDelay") or _metadata(each).get(RESET) for each in details]
    waits = [wait for each in said_waits if isinstance(each, str) and (wait := span(each)) is not None]
    if waits and error.retryable and (head is None or retry_after(head) is None):
        error.retry_after = max(waits)
    return error


def _is_daily(detail: Mapping[str, Any]) -> bool:
    violations = detail.get("violations")
    listed = violations if isinstance(violations, list) else ()
    names = [each.get("quotaId") for each in listed if isinstance(each, dict)] + [_metadata(detail).get(LIMIT)]
    return any(word in name for name in names if isinstance(name, str) for word in DAILY)


def _metadata(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    found = detail.get("metadata")
    return found if isinstance(found, dict) else {}
