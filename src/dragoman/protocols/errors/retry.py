"""What an error tells its caller of trying again. Knows no vendor.

The vendors' SDKs repeat a request by themselves after 408, 409, 429 and any 5xx, and some agents after 401; they heed
`retry-after-ms`, `retry-after` and `x-should-retry`. Some agents give up at once after a 429 that names no wait.
"""

from math import ceil

from dragoman.errors import DragomanError
from dragoman.protocols.errors.waits import wait_in
from dragoman.types import Headers

REPEATED = frozenset({401, 408, 409, 429})
"""Statuses after which callers repeat a request, besides those from 500 on."""
WAIT = 1.0
"""Seconds that a 429 names if the service named none."""


def wait_of(error: DragomanError) -> float | None:
    """Seconds after which a caller should ask again; None if nothing is known of that."""
    if error.retry_after is None and error.status == 429 and error.retryable:
        return WAIT
    return error.retry_after


def retry_headers(error: DragomanError, status: int) -> Headers:
    """The header fields of a response with `error` and this status."""
    fields: Headers = ()
    if (wait := wait_of(error)) is not None:
        fields = (("retry-after", str(ceil(wait))),)
        if wait != ceil(wait):
            fields += (("retry-after-ms", str(ceil(wait * 1000))),)
    repeated = status in REPEATED or status >= 500
    if repeated != error.retryable:
        fields += (("x-should-retry", "true" if error.retryable else "false"),)
    return fields


def name_wait(error: DragomanError) -> None:
    """Says in the message of `error` after how many seconds to ask again, for callers who have had a head before.

    As OpenAI says it in its streams: Codex waits as long as these words say (0.169.0), and so does a gateway in the
    middle, ours too. Nothing is added if that is not known, or said already.
    """
    wait = error.retry_after
    if wait is None or not error.retryable or wait_in(error.message) is not None:
        return
    message = error.message
    stop = "" if message.endswith((".", "!", "?")) else "."
    seconds = f"{wait:.3f}".rstrip("0").rstrip(".")
    error.message = f"{message}{stop} Please try again in {seconds}s."
    error.args = (error.message,)
