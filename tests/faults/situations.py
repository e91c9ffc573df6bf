"""Sixteen situations of a route with two targets, as people ask for them; 429 comes with a date and without.

The table is run on all fronts, and `docs/policies/failover.md` shows it.
"""

from collections.abc import Mapping
from typing import assert_never

from msgspec import Struct, field

from tests.faults.dialects import failed
from tests.faults.fault import Phase, Said, document
from tests.faults.faults import FAULTS
from tests.faults.making import JSON, Make, refused
from tests.faults.wire import Script


class Second(Struct, frozen=True):
    """The second target answers. The caller sees nothing of the first, which failed with this code."""

    code: str


class Broken(Struct, frozen=True):
    """The text so far stays, then comes the failure: no other target is asked."""

    code: str


class Refused(Struct, frozen=True):
    """The caller gets the failure as a status. `tried`: how many targets were asked."""

    code: str
    status: int
    tried: int = 1
    codes: Mapping[str, str] = field(default_factory=dict)
    """By front: the code, where the service's protocol has no word for it."""
    statuses: Mapping[str, int] = field(default_factory=dict)


Seen = Second | Broken | Refused


class Situation(Struct, frozen=True):
    """What the first target does, and what comes of it."""

    name: str
    does: str
    seen: Seen
    make: Make
    phase: Phase
    hasty: bool = False
    unreached: bool = False
    """Whether nobody listens where the target should be."""
    both: bool = False
    """Whether the second target does the same."""

    @property
    def row(self) -> str:
        """Its row in the documentation."""
        match self.seen:
            case Second(code):
                sees, who, logged = "the whole answer, and nothing of the failure", "second", f"`attempts`: `{code}`"
            case Broken(code):
                sees, who = "the text so far, then the failure, and no end mark", "first, in part"
                logged = f"`end: broken`, `error: {code}`"
            case Refused(code, status, tried):
                sees, who = f"status {status}", "nobody"
                logged = f"`error: {code}`" + (", both in `attempts`" if tried == 2 else "")
            case _:
                assert_never(self.seen)
        return f"| {self.name} | {self.does} | {sees} | {who} | {logged} |"


def script_of(name: str) -> Make:
    """The script of a row of the table of faults."""
    (found,) = [fault for fault in FAULTS if fault.name == name]
    return found.script


def _nothing(good: Said, phase: Phase) -> Script:
    raise AssertionError("nobody listens")


HEADERS, FIRST, MID = Phase.WAIT_HEADERS, Phase.WAIT_FIRST_EVENT, Phase.MID_STREAM
TOO_LONG = "This model's maximum context length is 1000 tokens."
FILTERED = "It was stopped by the content filter."
SILENT = {"anthropic": "invalid_request", "gemini": "invalid_request", "ollama": "invalid_request"}
"""These protocols have no code for a filter; what they say of one is a request that is refused."""


def _filtered(good: Said, phase: Phase) -> Script:
    body = failed(good.dialect, 400, FILTERED).replace(b'"code": null', b'"code": "content_filter"')
    return Script(document(JSON, body, status="400 Bad Request"))


SITUATIONS = (
    Situation("refused", "nobody listens", Second("connect_error"), _nothing, Phase.CONNECT, unreached=True),
    Situation("reset", "resets the connection before its head", Second("truncated"), script_of("RST"), HEADERS),
    Situation("429 without a date", "429", Second("rate_limit_exceeded"), script_of("status 429"), HEADERS),
    Situation(
        "429 with a date",
        "429 and `retry-after: DATE`; until then it is not asked",
        Second("rate_limit_exceeded"),
        script_of("429 with a date"),
        HEADERS,
    ),
    Situation("5xx", "500, 502, 503, 504, 529", Second("upstream_error"), script_of("status 500"), HEADERS),
    Situation(
        "timeout before the headers",
        "no head within `first_byte`",
        Second("timeout"),
        script_of("stall"),
        HEADERS,
        hasty=True,
    ),
    Situation(
        "silent service",
        "its head, and then nothing for `idle`",
        Second("timeout"),
        script_of("stall"),
        FIRST,
        hasty=True,
    ),
    Situation(
        "slow first token",
        "signs of life, but no content within `first_token`",
        Second("timeout"),
        script_of("signs of life and nothing else"),
        FIRST,
        hasty=True,
    ),
    Situation("cut after content", "some text, then the connection ends", Broken("truncated"), script_of("FIN"), MID),
    Situation(
        "stall after content",
        "some text, then nothing for `idle`",
        Broken("timeout"),
        script_of("stall"),
        MID,
        hasty=True,
    ),
    Situation(
        "in-band error",
        "status 200, and an error before any text",
        Second("upstream_error"),
        script_of("an error in the stream"),
        FIRST,
    ),
    Situation(
        "malformed event",
        "an event that is not JSON, before any text",
        Second("upstream_bad_event"),
        script_of("deep JSON"),
        FIRST,
    ),
    Situation(
        "empty answer",
        "a good end, and neither text nor a tool call",
        Second("empty_answer"),
        script_of("empty answer"),
        FIRST,
    ),
    Situation(
        "content filter",
        "400: its filter stopped the request",
        Refused("content_filter", 400, codes=SILENT),
        _filtered,
        HEADERS,
    ),
    Situation(
        "context too long",
        "400: longer than its context; the second holds more (`context`)",
        Second("context_length_exceeded"),
        refused(400, words=TOO_LONG),
        HEADERS,
    ),
    Situation(
        "request too large",
        "413: larger than it takes",
        Second("invalid_request"),
        script_of("status 413"),
        HEADERS,
    ),
    Situation(
        "auth failure of one credential",
        "401; targets with this key rest for a minute",
        Second("invalid_api_key"),
        script_of("status 401"),
        HEADERS,
    ),
    Situation(
        "all targets down",
        "both answer 503",
        Refused("overloaded", 503, tried=2, statuses={"anthropic": 529}),
        script_of("status 503"),
        HEADERS,
        both=True,
    ),
)

HEAD = (
    "| situation | the first target | the caller sees | who answers | request log |",
    "| --- | --- | --- | --- | --- |",
)


def table() -> str:
    """The table of the documentation."""
    return "\n".join([*HEAD, *(situation.row for situation in SITUATIONS)])
