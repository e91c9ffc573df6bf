"""How long a service wants its caller to wait: by the head of its reply, or by its words. Knows no vendor."""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from dragoman.types import ResponseHead

NAMES = ("resets_in_seconds", "reset_seconds", "retry_after_seconds", "retry_after")
"""Fields of a failure with seconds to wait: OpenAI's for the limits of Codex's plans, and those of gateways, whose
header fields another one may have left out (CLIProxyAPI and OmniRoute, `model_cooldown`; OpenRouter in `metadata`)."""

RESETS = (
    *((f"x-ratelimit-remaining-{each}", f"x-ratelimit-reset-{each}") for each in ("requests", "tokens")),
    *(
        (f"anthropic-ratelimit-{each}-remaining", f"anthropic-ratelimit-{each}-reset")
        for each in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
    *((f"x-ratelimit-remaining-{each}", f"x-ratelimit-reset-{each}") for each in ("requests-day", "tokens-minute")),
)
"""Header fields with what remains of a limit, and when it begins anew: OpenAI's, with a span; Anthropic's, with a date
of RFC 3339; OpenRouter's, with milliseconds since 1970, and others' of that name, with seconds since then or a span;
those of draft-ietf-httpapi-ratelimit-headers-07, with a span; Cerebras's, with seconds. Anthropic has sent a 429 with
no other field that names a wait. https://github.com/anthropics/anthropic-sdk-typescript/issues/357"""

MINUTE = "x-ratelimit-reset-tokens-minute"
"""The field that holds if something remains of each limit: Cerebras counts the tokens of an answer when it begins, so
that a request may be too large for what remains of a minute. https://github.com/dcdpr/jp/pull/1085"""

EPOCH, EPOCH_MS = 1e9, 1e12
"""A number from here on is no span but a moment since 1970, in seconds or in milliseconds: it lies after 2001. Some
services write it into `retry-after` too (openclaw/clawhub#407)."""

DAY = 86400.0
"""Seconds until a moment at most: limits are for a day or less, so that a later moment was misread."""

LONGEST = 1e9
"""Seconds of the longest wait that callers are told: thirty years, in place of a number that none could read."""


def retry_after(head: ResponseHead) -> float | None:
    """Seconds to wait by `retry-after-ms` or `retry-after` (seconds, a span as `1m30s`, or a moment measured by the
    reply's own clock), or else by what is said of a limit of which nothing remains. At most LONGEST.

    None if none is usable. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    seconds = _seconds_named(head)
    return None if seconds is None else min(seconds, LONGEST)


_ASKED = re.compile(
    r"\b(?:try again (?:in|after)|retry (?:in|after)|please wait|will reset (?:in|after)) (?=\d)", re.IGNORECASE
)
_STEP = re.compile(
    r"(\d{1,9}(?:\.\d{1,15})?) ?"
    r"(?:(h(?:ours?)?)|(m(?:in(?:ute)?s?)?)|(s(?:ec(?:ond)?s?)?)|(m(?:illi)?s(?:ec(?:ond)?s?)?))(?![a-z]) ?",
    re.IGNORECASE | re.ASCII,
)


def wait_in(words: str) -> float | None:
    """Seconds to wait by a service's message: `Please try again in 1m2.5s`, `Please retry after 26 seconds.`

    None if it names no wait, or none that is understood.
    """
    asked = _ASKED.search(words)
    if asked is None:
        return None
    at, seconds = asked.end(), None
    while (step := _STEP.match(words, at)) is not None:
        seconds = (seconds or 0.0) + float(step[1]) * _UNITS[(step.lastindex or 2) - 2]
        at = step.end()
    return None if seconds is None else min(seconds, LONGEST)


def wait_said(failure: Mapping[str, object]) -> float | None:
    """Seconds to wait by the fields of a failure, or of the `metadata` in it. None if it names none."""
    metadata = failure.get("metadata")
    for said in (failure, metadata):
        if isinstance(said, Mapping):
            for value in map(said.get, NAMES):
                if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST:
                    return float(value)
    return None


def wait_until(milliseconds: object, head: ResponseHead | None) -> float | None:
    """Seconds to a moment, a text of milliseconds since 1970, by the clock of the reply. None if one is not known."""
    then = _number(milliseconds, 1000) if isinstance(milliseconds, str) else None
    now = _moment(head, "date") if head else None
    return None if then is None or now is None else min(max(0.0, then - now), LONGEST)


def _seconds_named(head: ResponseHead) -> float | None:
    seconds = _number(head.header("retry-after-ms"), 1000)
    if seconds is None:
        seconds = _wait(head.header("retry-after") or "", head)
    if seconds is None:
        seconds = _until(head)
    return seconds if seconds is not None else _reset(head)


_SECONDS = re.compile(r"\d{1,15}(?:\.\d{1,15})?", re.ASCII)


def _number(text: str | None, unit: int) -> float | None:
    return float(text) / unit if text is not None and _SECONDS.fullmatch(text) else None


def _until(head: ResponseHead) -> float | None:
    then, now = _moment(head, "retry-after"), _moment(head, "date")
    return None if then is None or now is None else max(0.0, then - now)


def _moment(head: ResponseHead, name: str) -> float | None:
    """Seconds since 1970 to the HTTP date in the field `name`."""
    text = head.header(name) or ""
    zone = "" if "," in text else " GMT"  # the form of C's asctime names none (RFC 9110, section 5.6.7)
    try:
        return _since_1970(parsedate_to_datetime(text + zone))
    except (ValueError, TypeError, OverflowError):
        return None


def _since_1970(date: datetime) -> float | None:
    return None if date.tzinfo is None else date.timestamp()


_SPAN = re.compile(
    r"(?=\d)(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?", re.ASCII
)
"""Hours, minutes, seconds and milliseconds as OpenAI writes them: `6m0s`, `1.5s`, `20ms`."""
_UNITS = (3600.0, 60.0, 1.0, 0.001)


def _reset(head: ResponseHead) -> float | None:
    """Seconds until all limits of which nothing remains begin anew; None if none is named."""
    if head.status != 429:
        return None
    waits = [_wait(head.header(reset) or "", head) for remaining, reset in RESETS if head.header(remaining) == "0"]
    return max((wait for wait in waits if wait is not None), default=_wait(head.header(MINUTE) or "", head))


def _wait(text: str, head: ResponseHead) -> float | None:
    """Seconds by a span, or until a moment that is to come."""
    then = span(text)
    if then is not None and then < EPOCH:
        return then
    if then is None:
        try:
            then = _since_1970(datetime.fromisoformat(text))
        except (ValueError, OverflowError):
            then = None
    elif then >= EPOCH_MS:
        then /= 1000
    now = _moment(head, "date")
    return then - now if then is not None and now is not None and 0 < then - now <= DAY else None


def span(text: str) -> float | None:
    """Seconds by a span as `1h2m3.5s` or `20ms`, or by a number of seconds. None for any other text."""
    found = _SPAN.fullmatch(text)
    if found is None:
        return _number(text, 1)
    return sum(float(part) * unit for part, unit in zip(found.groups(), _UNITS, strict=True) if part)
