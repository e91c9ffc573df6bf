"""Reports of tokens, read and written. A count that cannot be read is unknown, and no reason to lose the answer.

Input and output are sums here: the prompt and what tools of the service added to it; the answer and its thoughts.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from dragoman.protocols.gemini.extra import NAME, to_extra
from dragoman.protocols.reported_count import ReportedCount, read_count, unusual_total
from dragoman.types import Usage
from dragoman.wire import json

PROMPT, TOOLS = "promptTokenCount", "toolUsePromptTokenCount"
ANSWER, THOUGHTS = "candidatesTokenCount", "thoughtsTokenCount"
CACHED, TOTAL = "cachedContentTokenCount", "totalTokenCount"
COUNTS = (PROMPT, TOOLS, ANSWER, THOUGHTS, CACHED, TOTAL)

TOOL_USE = "input.tool_use"
"""The name in `Usage.details` of the tokens that tools of the service added to the prompt."""

DETAILS: dict[str, str] = {
    "promptTokensDetails": "input",
    "candidatesTokensDetails": "output",
    "cacheTokensDetails": "cache_read",
    "toolUsePromptTokensDetails": "tool_use",
}
"""Lists of counts by modality, to how the names of `Usage.details` begin."""

MODALITIES = frozenset({"TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT"})

SAYABLE = frozenset(
    {
        "usage.cache_read_tokens",
        "usage.reasoning_tokens",
        "usage.total_tokens",
        f"usage.{TOOL_USE}",
        *(f"usage.{begin}.{modality.lower()}" for begin in DETAILS.values() for modality in MODALITIES),
    }
)
"""Counts of a report, in the words of `answer_losses`."""


class _Modality(Struct, forbid_unknown_fields=True, rename="camel", gc=False):
    modality: str
    token_count: ReportedCount = 0


class _Report(Struct, forbid_unknown_fields=True, rename="camel", gc=False):
    """A report that holds nothing unusual."""

    prompt_token_count: ReportedCount | UnsetType = UNSET
    candidates_token_count: ReportedCount | UnsetType = UNSET
    total_token_count: ReportedCount | UnsetType = UNSET
    thoughts_token_count: ReportedCount | UnsetType = UNSET
    cached_content_token_count: ReportedCount | UnsetType = UNSET
    prompt_tokens_details: list[_Modality] | UnsetType = UNSET
    candidates_tokens_details: list[_Modality] | UnsetType = UNSET
    cache_tokens_details: list[_Modality] | UnsetType = UNSET


_decode = msgspec.json.Decoder(_Report).decode


def read_usage(data: bytes) -> Usage | None:
    """What was reported in this JSON; None if it is no report."""
    try:
        report = _decode(data)
    except json.NOT_STRICT:
        value = json.decode_event(data)
        return decode_usage(value) if isinstance(value, dict) else None
    details: dict[str, int] = {}
    for counts, begin in (
        (report.prompt_tokens_details, "input"),
        (report.candidates_tokens_details, "output"),
        (report.cache_tokens_details, "cache_read"),
    ):
        for each in counts or ():
            if each.modality not in MODALITIES:
                return decode_usage(json.decode_event(data))
            details[f"{begin}.{each.modality.lower()}"] = each.token_count
    asked, total = _said(report.prompt_token_count), _said(report.total_token_count)
    thoughts = _said(report.thoughts_token_count)
    told = _sum(_said(report.candidates_token_count), thoughts)
    return Usage(
        input_tokens=asked,
        output_tokens=told,
        cache_read_tokens=_said(report.cached_content_token_count),
        reasoning_tokens=thoughts,
        total_tokens=unusual_total(total, asked, told),
        details=details,
    )


def decode_usage(report: Mapping[str, Any]) -> Usage:
    """What was reported. Further fields are in `extra`."""
    counts = {name: read_count(report.get(name)) for name in COUNTS}
    rest = {name: value for name, value in report.items() if name not in COUNTS or counts[name] is None}
    details: dict[str, int] = {}
    for name, begin in DETAILS.items():
        found = _by_modality(report.get(name), begin)
        if found is not None:
            details |= found
            rest.pop(name, None)
    if (tools := counts[TOOLS]) is not None:
        details[TOOL_USE] = tools
    unreadable = {name for name in COUNTS if counts[name] is None and report.get(name) is not None}
    # Without one of its parts, which was reported, a sum would be a count that nobody has made.
    asked = None if unreadable & {PROMPT, TOOLS} else _sum(counts[PROMPT], tools)
    told = None if unreadable & {ANSWER, THOUGHTS} else _sum(counts[ANSWER], counts[THOUGHTS])
    total = counts[TOTAL]
    return Usage(
        input_tokens=asked,
        output_tokens=told,
        cache_read_tokens=counts[CACHED],
        reasoning_tokens=counts[THOUGHTS],
        total_tokens=unusual_total(total, asked, told),
        details=details,
        extra=to_extra(rest),
    )


def encode_usage(usage: Usage) -> dict[str, Any]:
    """The report; a count that is not known is left out."""
    total = usage.total_tokens
    if total is None and usage.input_tokens is not None and usage.output_tokens is not None:
        total = usage.input_tokens + usage.output_tokens
    tools, thoughts = usage.details.get(TOOL_USE), usage.reasoning_tokens
    said: dict[str, int | None] = {
        PROMPT: _less(usage.input_tokens, tools),
        ANSWER: _less(usage.output_tokens, thoughts),
        TOTAL: total,
        CACHED: usage.cache_read_tokens,
        THOUGHTS: thoughts,
        TOOLS: tools,
    }
    body: dict[str, Any] = {name: count for name, count in said.items() if count is not None}
    if thoughts and body.get(ANSWER) == 0:
        del body[ANSWER]  # as the service writes it if nothing but thoughts came
    for name, begin in DETAILS.items() if usage.details else ():
        if counts := [
            {"modality": modality, "tokenCount": usage.details[detail]}
            for modality in sorted(MODALITIES)
            if (detail := f"{begin}.{modality.lower()}") in usage.details
        ]:
            body[name] = counts
    return usage.extra.get(NAME, {}) | body


def _by_modality(value: object, begin: str) -> dict[str, int] | None:
    """The counts of a list; None if it has another form."""
    if not isinstance(value, list):
        return None
    found: dict[str, int] = {}
    for each in value:
        match each:
            case {"modality": str(modality), **rest} if modality in MODALITIES and rest.keys() <= {"tokenCount"}:
                count = read_count(rest.get("tokenCount", 0))  # a count of 0 is left out
            case _:
                return None
        if count is None:
            return None
        found[f"{begin}.{modality.lower()}"] = count
    return found


def _said(count: ReportedCount | UnsetType) -> int | None:
    return None if isinstance(count, UnsetType) else count


def _sum(first: int | None, second: int | None) -> int | None:
    return first if second is None else (first or 0) + second


def _less(whole: int | None, part: int | None) -> int | None:
    return whole if whole is None or part is None else max(0, whole - part)
