"""The rows of the table of faults that are a status, and what its head says beside it."""

from tests.faults.fault import Fails, Fate, Fault, Phase
from tests.faults.making import page, refused

STATUSES: dict[int, Fate] = {
    400: Fails("invalid_request", 400, next=False),
    401: Fails("invalid_api_key", 401),
    402: Fails("insufficient_quota", 429),
    403: Fails("permission_denied", 403),
    404: Fails("unknown_path", 404),
    405: Fails("upstream_error", 405),
    408: Fails("upstream_error", 408),
    409: Fails("upstream_error", 409),
    413: Fails("invalid_request", 413),
    422: Fails("invalid_request", 422, next=False),
    425: Fails("upstream_error", 425),
    429: Fails("rate_limit_exceeded", 429, retry_after="1"),
    500: Fails("upstream_error", 500),
    502: Fails("upstream_error", 502),
    503: Fails("overloaded", 503),
    504: Fails("upstream_error", 504),
    520: Fails("upstream_error", 520),
    529: Fails("overloaded", 503),
}

WAITS: dict[str, tuple[tuple[str, ...], str]] = {
    "seconds": (("retry-after: 7",), "7"),
    "no seconds": (("retry-after: 0",), "0"),
    "a negative number": (("retry-after: -5",), "1"),
    "junk": (("retry-after: soon",), "1"),
    "thirty years": (("retry-after: 999999999",), "999999999"),
    "a moment of 2001": (("retry-after: 1000000000",), "1"),
    "a fraction": (("retry-after: 1.5",), "2"),
    "a date": (("date: Thu, 26 Nov 2026 10:00:00 GMT", "retry-after: Thu, 26 Nov 2026 10:00:09 GMT"), "9"),
    "a date that is over": (("date: Thu, 26 Nov 2026 10:00:00 GMT", "retry-after: Thu, 26 Nov 2026 09:00:00 GMT"), "0"),
    "milliseconds": (("retry-after-ms: 2500", "retry-after: 60"), "3"),
}
"""What a 429 may say of the wait, and what the caller is told."""

STATUS_FAULTS = (
    *(Fault(f"status {number}", {Phase.WAIT_HEADERS: fate}, refused(number)) for number, fate in STATUSES.items()),
    *(
        Fault(
            f"429 with {name}",
            {Phase.WAIT_HEADERS: Fails("rate_limit_exceeded", 429, retry_after=told)},
            refused(429, *fields),
        )
        for name, (fields, told) in WAITS.items()
    ),
    Fault(
        "503 with seconds",
        {Phase.WAIT_HEADERS: Fails("overloaded", 503, retry_after="7")},
        refused(503, "retry-after: 7"),
    ),
    *(
        Fault(
            f"redirect {number}", {Phase.WAIT_HEADERS: Fails("upstream_redirect")}, refused(number, "location: /trap")
        )
        for number in (301, 302, 303, 307, 308)
    ),
    Fault("HTML with status 200", {Phase.WAIT_HEADERS: Fails("upstream_html")}, page("200 OK")),
    Fault("HTML with status 403", {Phase.WAIT_HEADERS: Fails("upstream_html", 403)}, page("403 Forbidden")),
    Fault("HTML with status 503", {Phase.WAIT_HEADERS: Fails("upstream_html", 503)}, page("503 Busy")),
    Fault("HTML with status 520", {Phase.WAIT_HEADERS: Fails("upstream_html", 520)}, page("520 Unknown")),
)
