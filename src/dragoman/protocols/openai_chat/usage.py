"""Reports of tokens, read and written. A count that cannot be read is unknown, and no reason to lose the answer."""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols.extra import merged
from dragoman.protocols.openai_chat.chunk import InputDetails, OutputDetails, UsageReport
from dragoman.protocols.openai_chat.extra import NAME, to_extra
from dragoman.protocols.reported_count import read_count
from dragoman.types import Usage

INPUT, OUTPUT, TOTAL = "prompt_tokens", "completion_tokens", "total_tokens"
READ, WRITTEN = "prompt_tokens_details", "completion_tokens_details"
CACHED, CACHE_WRITTEN, REASONING = "cached_tokens", "cache_write_tokens", "reasoning_tokens"
HIT = "prompt_cache_hit_tokens"
"""DeepSeek's name of cached tokens."""


INPUT_DETAILS: dict[str, str] = {
    "audio_tokens": "input.audio",
    "image_tokens": "input.image",
    "text_tokens": "input.text",
}
OUTPUT_DETAILS: dict[str, str] = {
    "audio_tokens": "output.audio",
    "image_tokens": "output.image",
    "text_tokens": "output.text",
    "accepted_prediction_tokens": "output.accepted_prediction",
    "rejected_prediction_tokens": "output.rejected_prediction",
}
"""Names of further counts in the details of input and of output, to the names of `Usage.details`."""

SAYABLE = frozenset(
    {
        "usage.cache_read_tokens",
        "usage.cache_write_tokens",
        "usage.reasoning_tokens",
        "usage.total_tokens",
        *(f"usage.{name}" for names in (INPUT_DETAILS, OUTPUT_DETAILS) for name in names.values()),
    }
)
"""Counts of a report, in the words of `answer_losses`."""


def decode_usage(report: Mapping[str, Any]) -> Usage:
    """What was reported; a count that is missing or unreadable is None. Further fields are in `extra`."""
    read, written = _object(report.get(READ)), _object(report.get(WRITTEN))
    cached = read_count(read.get(CACHED))
    rest = {name: value for name, value in report.items() if name not in {INPUT, OUTPUT, TOTAL, READ, WRITTEN}}
    details: dict[str, int] = {}
    for field, counts, known, names in (
        (READ, read, {CACHED, CACHE_WRITTEN}, INPUT_DETAILS),
        (WRITTEN, written, {REASONING}, OUTPUT_DETAILS),
    ):
        more: dict[str, Any] = {}
        for name, value in counts.items():
            if name in names and (count := read_count(value)) is not None:
                details[names[name]] = count
            elif name not in known and not (name in names and value is None):
                more[name] = value
        if more:
            rest[field] = more
    asked, total = read_count(report.get(INPUT)), read_count(report.get(TOTAL))
    thought = read_count(written.get(REASONING))
    told = _output(asked, read_count(report.get(OUTPUT)), thought, total)
    return Usage(
        input_tokens=asked,
        output_tokens=told,
        cache_read_tokens=read_count(report.get(HIT)) if cached is None else cached,
        cache_write_tokens=read_count(read.get(CACHE_WRITTEN)),
        reasoning_tokens=thought,
        total_tokens=None if asked is not None and told is not None and total == asked + told else total,
        details=details,
        extra=to_extra(rest),
    )


def usual_usage(report: UsageReport) -> Usage:
    """The same for a report that holds nothing unusual."""
    read, written = report.prompt_tokens_details, report.completion_tokens_details
    asked, told, total = report.prompt_tokens, report.completion_tokens, report.total_tokens
    if written and written.reasoning_tokens:
        told = _output(asked, told, written.reasoning_tokens, total)
    usage = Usage(
        asked,
        told,
        read.cached_tokens if read else None,
        read.cache_write_tokens if read else None,
        written.reasoning_tokens if written else None,
        None if asked is not None and told is not None and total == asked + told else total,
    )
    if read and read != InputDetails(read.cached_tokens, read.cache_write_tokens):
        _note(read, INPUT_DETAILS, usage.details)
    if written and written != OutputDetails(written.reasoning_tokens):
        _note(written, OUTPUT_DETAILS, usage.details)
    return usage


def _output(asked: int | None, told: int | None, thought: int | None, total: int | None) -> int | None:
    """The output with the reasoning in it: xAI reports it beside the output (seen in August 2026)."""
    if asked is None or told is None or not thought or total != asked + told + thought:
        return told
    return told + thought


def _note(counts: InputDetails | OutputDetails, names: dict[str, str], details: dict[str, int]) -> None:
    for name, ours in names.items():
        if (count := getattr(counts, name)) is not None:
            details[ours] = count


def encode_usage(usage: Usage) -> dict[str, Any]:
    """The report. Callers need its three sums: one that is not known is 0. Other counts are left out then."""
    asked, told = usage.input_tokens or 0, usage.output_tokens or 0
    total = asked + told if usage.total_tokens is None else usage.total_tokens
    body: dict[str, Any] = {INPUT: asked, OUTPUT: told, TOTAL: total}
    read = _known({CACHED: usage.cache_read_tokens, CACHE_WRITTEN: usage.cache_write_tokens})
    written = _known({REASONING: usage.reasoning_tokens})
    if usage.details:
        read |= _known({name: usage.details.get(ours) for name, ours in INPUT_DETAILS.items()})
        written |= _known({name: usage.details.get(ours) for name, ours in OUTPUT_DETAILS.items()})
    if read:
        body[READ] = read
    if written:
        body[WRITTEN] = written
    return merged(usage.extra.get(NAME, {}), body)


def find_usage(chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The report in a chunk, wherever a service puts it: Groq in `x_groq`, Moonshot in the choice."""
    if isinstance(report := chunk.get("usage"), dict):
        return report
    places = [value for name, value in chunk.items() if name.startswith("x_")]
    choices = chunk.get("choices")
    places += choices if isinstance(choices, list) else []
    found = (place["usage"] for place in places if isinstance(place, dict) and isinstance(place.get("usage"), dict))
    return next(found, None)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _known(counts: dict[str, int | None]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count is not None}
