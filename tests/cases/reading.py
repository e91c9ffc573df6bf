"""What a caller makes of an answer's bytes: a reader of its own, which shares nothing with the code under test."""

import json
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

LINE = re.compile(r"\r\n|\r|\n")
DONE = "[DONE]"
REASONS = {"tool_calls": "tool_call", "function_call": "tool_call"}

COUNTS: dict[str, tuple[str, ...]] = {
    "input_tokens": ("prompt_tokens",),
    "output_tokens": ("completion_tokens",),
    "total_tokens": ("total_tokens",),
    "cache_read_tokens": ("prompt_tokens_details", "cached_tokens"),
    "cache_write_tokens": ("prompt_tokens_details", "cache_write_tokens"),
    "reasoning_tokens": ("completion_tokens_details", "reasoning_tokens"),
}


class ReplySummary(Struct):
    """What a caller was told.

    `status`: of HTTP, None where there is none. `marked`: the end mark came. `clean`: the transfer ended well.
    `unreadable`: data on which an SDK breaks. `log`: the request log's line.
    """

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    finish_reason: str | None = None
    usage: dict[str, int] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None
    status: int | None = None
    marked: bool = True
    clean: bool = True
    unreadable: str = ""
    body: bytes = b""
    log: dict[str, Any] = field(default_factory=dict)


def understood(status: int, headers: Mapping[str, str], body: bytes, *, clean: bool, stream: bool) -> ReplySummary:
    """A chat completion, streamed or whole, or a refusal, as an SDK reads it.

    Events by the standard, JSON by Python's own reader, the deltas of all choices in the order they come.
    """
    told = ReplySummary(status=status, clean=clean, body=body)
    told.losses = [name for name in headers.get("x-dragoman-losses", "").split(", ") if name]
    told.marked = status != 200 or not stream
    for data in events(body) if status == 200 and stream else [body.decode()]:
        if data.strip() == DONE:
            told.marked = True
            break
        try:
            value = json.loads(data)
        except ValueError:
            told.unreadable = data
            break
        _read(value, "delta" if status == 200 and stream else "message", told)
    told.text, told.reasoning = _whole(told.text), _whole(told.reasoning)
    if told.error is not None and status != 200:
        told.error["status"] = status
        if "retry-after" in headers:
            told.error["retry_after"] = float(headers["retry-after"])
    return told


def events(body: bytes) -> list[str]:
    """The data of each event, by https://html.spec.whatwg.org/multipage/server-sent-events.html.

    But for the byte order mark, which SDKs take for a part of the first field's name.
    """
    found: list[str] = []
    data: list[str] = []
    for line in LINE.split(body.decode("utf-8", "replace"))[:-1]:
        name, _, value = line.partition(":")
        if not line and data:
            found.append("\n".join(data))
            data = []
        elif name == "data":
            data.append(value.removeprefix(" "))
    return found


def counts(usage: Mapping[str, Any]) -> dict[str, int]:
    """The counts of a report, by our names."""
    found: dict[str, int] = {}
    for name, way in COUNTS.items():
        value: Any = usage
        for key in way:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None:
            found[name] = value
    return found


def _read(value: Any, place: str, told: ReplySummary) -> None:
    if not isinstance(value, dict):
        return
    if error := value.get("error"):
        told.error = dict(error) if isinstance(error, dict) else {"message": str(error)}
    if isinstance(usage := value.get("usage"), dict):
        told.usage = counts(usage)
    for choice in value.get("choices") or []:
        if isinstance(said := choice.get(place), dict):
            told.text += _text(said, "content")
            told.reasoning += _text(said, "reasoning_content") or _text(said, "reasoning")
            told.refusal += _text(said, "refusal")
            _call(said.get("tool_calls"), told.calls)
        if reason := choice.get("finish_reason"):
            told.finish_reason = REASONS.get(reason, reason)


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return "".join(map(_words, value if isinstance(value, list) else [value]))


def _words(part: Any) -> str:
    words = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else part
    return words if isinstance(words, str) else ""


def _whole(text: str) -> str:
    """`text` with the halves of characters joined, as JavaScript joins them by itself."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _call(fragments: Any, calls: list[dict[str, str]]) -> None:
    for place, fragment in enumerate(fragments if isinstance(fragments, list) else []):
        number = fragment.get("index", place)
        while len(calls) <= number:
            calls.append({"name": "", "arguments": ""})
        function, call = fragment.get("function") or {}, calls[number]
        call["name"] = function.get("name") or call["name"]
        call["arguments"] += function.get("arguments") or ""
