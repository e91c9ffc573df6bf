"""Reports of tokens, read and written. A count that cannot be read is unknown, and no reason to lose the answer.

This protocol counts cached tokens beside `input_tokens`; in ours they lie inside.
"""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols.anthropic.extra import NAME, to_extra
from dragoman.protocols.extra import merged, without_none
from dragoman.protocols.reported_count import MOST, read_count
from dragoman.types import Usage

INPUT, OUTPUT = "input_tokens", "output_tokens"
READ, WRITTEN = "cache_read_input_tokens", "cache_creation_input_tokens"
THINKING = "thinking_tokens"
COUNTS = frozenset({INPUT, OUTPUT, READ, WRITTEN})

DETAILS: dict[str, dict[str, str]] = {
    "cache_creation": {
        "ephemeral_5m_input_tokens": "cache_write.5m",
        "ephemeral_1h_input_tokens": "cache_write.1h",
    },
    "server_tool_use": {
        "web_search_requests": "tool.web_search",
        "web_fetch_requests": "tool.web_fetch",
    },
    "output_tokens_details": {},
}
"""Objects of a report, and the names that `Usage.details` has for their counts."""

SAYABLE = frozenset(
    {
        "usage.cache_read_tokens",
        "usage.cache_write_tokens",
        "usage.reasoning_tokens",
        *(f"usage.{name}" for names in DETAILS.values() for name in names.values()),
    }
)
"""Counts of a report, in the words of `answer_losses`."""


def merged_report(earlier: Mapping[str, Any], later: object) -> dict[str, Any]:
    """Both reports as one: of each field the later one that says something; counts are never added."""
    if not isinstance(later, Mapping):
        return dict(earlier)
    if READ in later and INPUT not in later and read_count(earlier.get(READ)) is None:
        later = {**later, **_uncached(earlier, later)}
    if _is_plain(later) and min(later.values()) >= 0:
        return {**earlier, **later}
    known = COUNTS & earlier.keys()
    said = {name: value for name, value in later.items() if name not in known or read_count(value) is not None}
    return merged(earlier, without_none(said))


def _uncached(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, int]:
    """What of the input came from no cache, if only the second report knows of one: the first has counted all of it.

    So do gateways with this protocol in front (Alibaba's, jeremychone/rust-genai#258), whose input would count twice.
    """
    asked = read_count(earlier.get(INPUT))
    cached = sum(read_count(later.get(name)) or 0 for name in (READ, WRITTEN))
    return {} if asked is None or not cached else {INPUT: max(0, asked - cached)}


def decode_usage(report: Mapping[str, Any]) -> Usage | None:
    """What was reported; None if that is nothing."""
    if not report:
        return None
    if _is_plain(report) and report.keys() <= COUNTS and min(report.values()) >= 0 and max(report.values()) <= MOST:
        asked, read, written = report.get(INPUT), report.get(READ), report.get(WRITTEN)
        return Usage(_sum(asked, read, written), report.get(OUTPUT), read, written)
    rest = {name: value for name, value in report.items() if name not in COUNTS}
    asked, read, written = read_count(report.get(INPUT)), read_count(report.get(READ)), read_count(report.get(WRITTEN))
    details: dict[str, int] = {}
    thought: int | None = None
    for field, names in DETAILS.items():
        if field not in rest or not isinstance(counts := rest.pop(field), Mapping):
            continue
        more: dict[str, Any] = {}
        for name, value in counts.items():
            count = read_count(value)
            if name == THINKING and count is not None:
                thought = count
            elif name in names and count is not None:
                details[names[name]] = count
            elif value is not None:
                more[name] = value
        if more:
            rest[field] = more
    return Usage(
        input_tokens=_sum(asked, read, written),
        output_tokens=read_count(report.get(OUTPUT)),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=thought,
        details=details,
        extra=to_extra(without_none(rest)) if rest else {},
    )


def encode_usage(usage: Usage | None) -> dict[str, Any]:
    """The report. Callers break if input or output are missing: what is not known is 0 there."""
    usage = usage or Usage()
    total, read, written = usage.input_tokens or 0, usage.cache_read_tokens, usage.cache_write_tokens
    # Some services count what they write to the cache beside the input: the sum must be the input all the same.
    read = None if read is None else min(read, total)
    written = None if written is None else min(written, total - (read or 0))
    body: dict[str, Any] = {
        INPUT: total - (read or 0) - (written or 0),
        WRITTEN: written,
        READ: read,
        OUTPUT: usage.output_tokens or 0,
    }
    body = without_none(body)
    if not usage.details and usage.reasoning_tokens is None:
        return merged(usage.extra[NAME], body) if NAME in usage.extra else body
    for field, names in DETAILS.items():
        counts = {name: usage.details[ours] for name, ours in names.items() if ours in usage.details}
        if field == "output_tokens_details" and usage.reasoning_tokens is not None:
            counts[THINKING] = usage.reasoning_tokens
        if counts:
            body[field] = counts
    return merged(usage.extra.get(NAME, {}), body)


def _is_plain(report: Mapping[str, Any]) -> bool:
    """Whether a report holds integers and nothing else, as most do: these are read in the fast way."""
    return {*map(type, report.values())} == {int}


def _sum(asked: int | None, read: int | None, written: int | None) -> int | None:
    return None if asked is None else asked + (read or 0) + (written or 0)
