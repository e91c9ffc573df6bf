"""Reports of tokens, read and written. A count that cannot be read is unknown, and no reason to lose the answer."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from dragoman.protocols.extra import merged
from dragoman.protocols.openai_responses.extra import NAME, to_extra
from dragoman.protocols.reported_count import ReportedCount, read_count, unusual_total
from dragoman.types import Usage
from dragoman.wire import json

INPUT, OUTPUT, TOTAL = "input_tokens", "output_tokens", "total_tokens"
READ, WRITTEN = "input_tokens_details", "output_tokens_details"
CACHED, CACHE_WRITTEN, REASONING = "cached_tokens", "cache_write_tokens", "reasoning_tokens"
BY_TTL = "cache_write_tokens_details"

TTLS: dict[str, str] = {"ttl_30m_tokens": "cache_write.30m", "ttl_12h_tokens": "cache_write.12h"}
INPUT_DETAILS: dict[str, str] = {
    "audio_tokens": "input.audio",
    "image_tokens": "input.image",
    "text_tokens": "input.text",
}
OUTPUT_DETAILS: dict[str, str] = {
    "audio_tokens": "output.audio",
    "image_tokens": "output.image",
    "text_tokens": "output.text",
}
"""Names of further counts to the names of `Usage.details`."""

SAYABLE = frozenset(
    {
        "usage.cache_read_tokens",
        "usage.cache_write_tokens",
        "usage.reasoning_tokens",
        "usage.total_tokens",
        *(f"usage.{name}" for names in (INPUT_DETAILS, OUTPUT_DETAILS, TTLS) for name in names.values()),
    }
)
"""Counts of a report, in the words of `answer_losses`."""


class _Read(Struct, forbid_unknown_fields=True, gc=False):
    cached_tokens: ReportedCount | None = None
    cache_write_tokens: ReportedCount | None = None


class _Written(Struct, forbid_unknown_fields=True, gc=False):
    reasoning_tokens: ReportedCount | None = None


class _Report(Struct, forbid_unknown_fields=True, gc=False):
    """A report that holds nothing unusual."""

    input_tokens: ReportedCount | None = None
    input_tokens_details: _Read | None = None
    output_tokens: ReportedCount | None = None
    output_tokens_details: _Written | None = None
    total_tokens: ReportedCount | None = None


_decode = msgspec.json.Decoder(_Report | None).decode


def read_usage(data: bytes) -> Usage | None:
    """What was reported in this JSON; None if there is none, or if it is no report."""
    if not data:
        return None
    try:
        report = _decode(data)
    except json.NOT_STRICT:
        return decode_usage(json.decode_event(data))
    if report is None:
        return None
    read, written = report.input_tokens_details, report.output_tokens_details
    asked, told, total = report.input_tokens, report.output_tokens, report.total_tokens
    return Usage(
        asked,
        told,
        None if read is None else read.cached_tokens,
        None if read is None else read.cache_write_tokens,
        None if written is None else written.reasoning_tokens,
        unusual_total(total, asked, told),
    )


def decode_usage(report: object) -> Usage | None:
    """What was reported; None if that is no report."""
    if not isinstance(report, dict):
        return None
    read, written = _object(report.get(READ)), _object(report.get(WRITTEN))
    by_ttl = _object(read.get(BY_TTL))
    details: dict[str, int] = {}
    rest = {name: value for name, value in report.items() if name not in {INPUT, OUTPUT, TOTAL, READ, WRITTEN}}
    for field, counts, known, names in (
        (READ, read, {CACHED, CACHE_WRITTEN, BY_TTL}, INPUT_DETAILS),
        (WRITTEN, written, {REASONING}, OUTPUT_DETAILS),
    ):
        if more := _further(counts, known, names, details):
            rest[field] = more
    if more := _further(by_ttl, set(), TTLS, details):
        rest[READ] = _object(rest.get(READ)) | {BY_TTL: more}
    asked, told, total = read_count(report.get(INPUT)), read_count(report.get(OUTPUT)), read_count(report.get(TOTAL))
    return Usage(
        input_tokens=asked,
        output_tokens=told,
        cache_read_tokens=read_count(read.get(CACHED)),
        cache_write_tokens=read_count(read.get(CACHE_WRITTEN)),
        reasoning_tokens=read_count(written.get(REASONING)),
        total_tokens=unusual_total(total, asked, told),
        details=details,
        extra=to_extra({name: value for name, value in rest.items() if value is not None}),
    )


def encode_usage(usage: Usage) -> dict[str, Any]:
    """The report. Callers need all of its counts: one that is not known is 0."""
    asked, told = usage.input_tokens or 0, usage.output_tokens or 0
    read: dict[str, Any] = {CACHED: usage.cache_read_tokens or 0, CACHE_WRITTEN: usage.cache_write_tokens or 0}
    written: dict[str, Any] = {REASONING: usage.reasoning_tokens or 0}
    if usage.details:
        read |= _named(usage, INPUT_DETAILS)
        written |= _named(usage, OUTPUT_DETAILS)
        if by_ttl := _named(usage, TTLS):
            read[BY_TTL] = dict.fromkeys(TTLS, 0) | by_ttl
    total = asked + told if usage.total_tokens is None else usage.total_tokens
    body = {INPUT: asked, READ: read, OUTPUT: told, WRITTEN: written, TOTAL: total}
    return merged(usage.extra.get(NAME, {}), body)


def _named(usage: Usage, names: Mapping[str, str]) -> dict[str, int]:
    return {name: usage.details[ours] for name, ours in names.items() if ours in usage.details}


def _further(
    counts: Mapping[str, Any], known: set[str], names: Mapping[str, str], details: dict[str, int]
) -> dict[str, Any]:
    """Notes the counts that have a name in `details`, and returns those that have none."""
    more: dict[str, Any] = {}
    for name, value in counts.items():
        if name in names and (count := read_count(value)) is not None:
            details[names[name]] = count
        elif name not in known and value is not None:
            more[name] = value
    return more


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
