"""What an error tells its caller of trying again. Knows no vendor.

The vendors' SDKs repeat a request by themselves after 408, 409, 429 and any 5xx, and some agents after 401; they heed
`retry-after-ms`, `retry-after` and `x-should-retry`. Some agents give up at once after a 429 that names no wait.
"""

from math import ceil

from dragoman.errors import DragomanError
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
