"""Breakpoints of the cache in Anthropic's words, as programs say them that reach Claude over this protocol.

`cache_control` stands at a part, at a message (and means its last part), at a call, at a tool or in its function, and
beside the messages: https://openrouter.ai/docs/client-sdks/typescript/models/anthropiccachecontroldirective.md,
https://docs.litellm.ai/docs/providers/anthropic#prompt-caching, seen 2026-11-29. A service of this protocol gets each
back as it came, by notes of ours.
"""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from dragoman.protocols.json_fields import Fields
from dragoman.protocols.openai_chat.extra import NAME
from dragoman.protocols.speech import OURS
from dragoman.types import (
    AnyTool,
    CacheBreakpoint,
    ChatRequest,
    Extra,
    Message,
    Reasoning,
    Tool,
    ToolResult,
    Unknown,
)

CONTROL = "cache_control"
IN_FUNCTION = "cache_control of the function"
"""The note of a tool whose function had the field."""
AT_MESSAGE = "cache_control of the message"
"""The note of a part whose message had the field."""

TTL = {"5m": 300, "1h": 3600}

Note = dict[str, Any]


def taken(fields: Fields) -> tuple[CacheBreakpoint | None, Note]:
    """The breakpoint that stands there, and what to note of it; one in a form that is not known is left in the rest."""
    control = fields.rest.get(CONTROL)
    if control is None or (ttl := _time_of(control)) is None:
        return None, {}
    del fields.rest[CONTROL]
    return CacheBreakpoint(ttl or None), {CONTROL: control}


def noted(extra: Extra, note: Note) -> Extra:
    """`extra` with a note; the same object if there is none."""
    return extra | {OURS: extra.get(OURS, {}) | note} if note else extra


def returned(extra: Extra, note: str = CONTROL) -> dict[str, Any]:
    """The field as it came; empty if there was none."""
    notes = extra.get(OURS) if extra else None
    return {CONTROL: notes[note]} if notes and note in notes else {}


def is_at_message(extra: Extra) -> bool:
    """Whether the breakpoint of a part is a field of its message."""
    return AT_MESSAGE in extra.get(OURS, {})


def with_breakpoint(message: Message, breakpoint: CacheBreakpoint, note: Note) -> Message:
    """`message` whose last part has the breakpoint; if it has no part for it, the field is a further one."""
    for j, part in reversed(list(enumerate(message.parts))):
        if not isinstance(part, Reasoning | Unknown):
            if part.cache is None:
                part = replace(part, cache=breakpoint, extra=noted(part.extra, {AT_MESSAGE: True}))  # noqa: PLW2901
            parts = (*message.parts[:j], part, *message.parts[j + 1 :])
            return replace(message, parts=parts, extra=noted(message.extra, note))
    return replace(message, extra=message.extra | {NAME: message.extra.get(NAME, {}) | note})


def returned_breakpoints(request: ChatRequest) -> Iterator[str]:
    """The places of breakpoints that a service of this protocol gets back as they came."""
    if returned(request.extra):
        yield "cache"
    for i, tool in enumerate(request.tools):
        if _is_returned(tool):
            yield f"tools[{i}].cache"
    for i, message in enumerate(request.messages):
        for j, part in enumerate(message.parts):
            if part.extra and (returned(part.extra) or is_at_message(part.extra)):
                yield f"messages[{i}].parts[{j}].cache"
            for k, inner in enumerate(part.parts if type(part) is ToolResult else ()):
                if returned(inner.extra):
                    yield f"messages[{i}].parts[{j}].parts[{k}].cache"


def _is_returned(tool: AnyTool) -> bool:
    return isinstance(tool, Tool) and bool(returned(tool.extra) or returned(tool.extra, IN_FUNCTION))


def _time_of(control: object) -> int | None:
    """How long a cache may live, in seconds; 0 if that is not said, and None if it is no breakpoint."""
    match control:
        case {"type": "ephemeral", **rest} if not rest:
            return 0
        case {"type": "ephemeral", "ttl": str(ttl), **rest} if not rest:
            return TTL.get(ttl)
        case _:
            return None
