"""All metrics: their names, labels and buckets, and what they mean. Knows no request.

The names follow https://prometheus.io/docs/practices/naming/: base units, and `_total` for what only grows.
"""

from math import nan
from typing import Literal

from msgspec import Struct

Kind = Literal["counter", "gauge", "histogram"]

ADDED = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Seconds of what we add: a relay takes some tenths of a millisecond."""

FIRST = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 20.0, 60.0)
"""Seconds to the first token: those of chat models, up to the minute that a thinking one takes."""

GAP = (0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0)
"""Seconds between two tokens: 500 to 1 tokens a second."""

TOTAL = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0)
"""Seconds of an answer, up to the longest that a service may take by default."""

TRIED = (1.0, 2.0, 3.0, 4.0, 5.0, 8.0)
"""Attempts of one request."""


GONE = nan
"""The value of a gauge whose object is gone: a series cannot be taken out of memory that all workers share."""


class Metric(Struct, frozen=True):
    """A family of series."""

    name: str
    kind: Kind
    meaning: str
    """A sentence for `# HELP` and the documentation."""
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """The upper bounds of a histogram."""
    of_worker: bool = False
    """Whether its value ends with its worker, which a counter's does not."""
    greatest: bool = False
    """Whether the workers' greatest value counts, and not their sum."""

    @property
    def size(self) -> int:
        """How many numbers a series has: a histogram one for each bucket, one above the last, and the sum."""
        return len(self.buckets) + 2 if self.kind == "histogram" else 1


REQUESTS = Metric(
    "dragoman_requests_total",
    "counter",
    "Requests that are over. `status` is the class of what the caller got (`2xx`, or `none` if it left before), `end` "
    "how the answer ended: `whole` (a refusal too), `broken`, or `gone` if the caller left.",
    ("front", "route", "status", "end"),
)
ERRORS = Metric(
    "dragoman_errors_total",
    "counter",
    "Requests that ended with an error, by its code and by the target that was asked last.",
    ("code", "target"),
)
FAILURES = Metric(
    "dragoman_attempts_failed_total",
    "counter",
    "Attempts that failed, also those after which another target answered, and those given up by a hedge (`hedged`).",
    ("code", "target"),
)
ATTEMPTS = Metric("dragoman_attempts", "histogram", "Attempts of one request, by its route.", ("route",), TRIED)
DURATION = Metric(
    "dragoman_request_duration_seconds",
    "histogram",
    "From a request's head to the end of its answer, if a target was asked.",
    ("route",),
    TOTAL,
)
ADDED_LATENCY = Metric(
    "dragoman_added_latency_seconds",
    "histogram",
    "What the gateway added: until the first target was asked, and from the answer's first content until it was sent.",
    ("front",),
    ADDED,
)
FIRST_TOKEN = Metric(
    "dragoman_first_token_seconds",
    "histogram",
    "From a request's head to the first content of a streamed answer.",
    ("target",),
    FIRST,
)
TOKEN_GAP = Metric(
    "dragoman_token_gap_seconds",
    "histogram",
    "The mean time between two tokens of a streamed answer whose usage is known: from its first content to its end, "
    "divided by the output tokens after the first.",
    ("target",),
    GAP,
)
TOKENS = Metric(
    "dragoman_tokens_total",
    "counter",
    "Tokens that services have reported, and the estimated output of answers that ended before that. `kind`: `input`, "
    "`output`; and as parts of these `cache_read`, `cache_write`, `reasoning`.",
    ("target", "kind"),
)
IN_FLIGHT = Metric(
    "dragoman_in_flight",
    "gauge",
    "Requests that are being answered, among them the one that asks for this.",
    of_worker=True,
)
CONNECTIONS = Metric("dragoman_connections", "gauge", "Connections of callers that are open.", of_worker=True)
BREAKER = Metric(
    "dragoman_breaker_state",
    "gauge",
    "The breaker of a route's target: 0 closed, 1 half-open, 2 open; of several workers the worst.",
    ("target",),
    of_worker=True,
    greatest=True,
)
LOG_LOST = Metric(
    "dragoman_request_log_lines_lost_total", "counter", "Lines of the request log that could not be written."
)
STARTED = Metric("dragoman_start_time_seconds", "gauge", "When the gateway was started, in Unix time.", greatest=True)
BUILD = Metric(
    "dragoman_build_info", "gauge", "1; the labels say which version runs.", ("version", "python"), greatest=True
)

METRICS = (
    REQUESTS,
    ERRORS,
    FAILURES,
    ATTEMPTS,
    DURATION,
    ADDED_LATENCY,
    FIRST_TOKEN,
    TOKEN_GAP,
    TOKENS,
    IN_FLIGHT,
    CONNECTIONS,
    BREAKER,
    LOG_LOST,
    STARTED,
    BUILD,
)


def labelled(metric: Metric, *values: str) -> str:
    """The name of a series, as the text format writes it: `name{label="value",…}`."""
    pairs = zip(metric.labels, values, strict=True)
    text = ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)
    return f"{metric.name}{{{text}}}" if text else metric.name


def _escaped(value: str) -> str:
    # https://prometheus.io/docs/instrumenting/exposition_formats/#comments-help-text-and-type-information
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
