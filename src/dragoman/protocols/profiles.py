"""What a family of models takes of a request, by its profile. Knows no family and no protocol by name."""

from collections.abc import Iterator
from typing import Any

from msgspec import NODEFAULT
from msgspec.structs import fields, replace

from dragoman.protocols.losses import PARTS, REASONING
from dragoman.protocols.schema_keywords import limited
from dragoman.types import (
    AnyPart,
    ChangedSchema,
    ChatRequest,
    Loss,
    Message,
    ModelProfile,
    RefusedPrefill,
    Tool,
    ToolResult,
)

OF_TOOLS = frozenset({"tools", "tool_choice", "parallel_tool_calls"})
"""Fields of a request that have a meaning only if there are tools."""


def untaken(profile: ModelProfile) -> frozenset[str]:
    """Fields of a request, and kinds of parts, that models of `profile` do not take."""
    found = frozenset(profile.unsupported_fields or ())
    if profile.images is False:
        found |= {"image"}
    if profile.tools is False:
        found |= OF_TOOLS
    return found


def changes(request: ChatRequest, profile: ModelProfile) -> Iterator[Loss]:
    """What `fitted` changes, and what models of `profile` do not take although nothing can be changed about it."""
    if profile.tools is not False:
        for i, tool in enumerate(request.tools):
            if isinstance(tool, Tool) and (removed := _limited(tool, profile)[1]):
                yield ChangedSchema(f"tools[{i}].parameters ({', '.join(sorted(removed))})")
    if profile.prefill is False and request.messages and request.messages[-1].role == "assistant":
        yield RefusedPrefill(f"messages[{len(request.messages) - 1}]")


def fitted(request: ChatRequest, profile: ModelProfile, untaken: frozenset[str]) -> ChatRequest:
    """`request` without what is `untaken`, and with schemas of tools as models of `profile` take them."""
    changed: dict[str, Any] = {name: default for name, default in _DEFAULTS.items() if name in untaken}
    if request.tools and "tools" not in changed and profile.schema_keywords is not None:
        changed["tools"] = tuple(
            _limited(tool, profile)[0] if isinstance(tool, Tool) else tool for tool in request.tools
        )
    if request.reasoning is not None and not _REASONING.isdisjoint(untaken):
        left_out = {name: None for name in REASONING if f"reasoning.{name}" in untaken}
        changed["reasoning"] = replace(request.reasoning, **left_out)
    kinds = frozenset(kind for kind, name in PARTS.items() if name in untaken)
    if kinds:
        changed["messages"] = tuple(_without(message, kinds) for message in request.messages)
    return replace(request, **changed) if changed else request


def _limited(tool: Tool, profile: ModelProfile) -> tuple[Tool, set[str]]:
    removed: set[str] = set()
    if profile.schema_keywords is None or tool.parameters is None:
        return tool, removed
    return replace(tool, parameters=limited(tool.parameters, profile.schema_keywords, removed)), removed


def _without(message: Message, kinds: frozenset[type[AnyPart]]) -> Message:
    """`message` without parts of these `kinds`, inside of results too; the same object if it has none."""
    if (kinds | {ToolResult}).isdisjoint(map(type, message.parts)):
        return message  # nearly every message has none, and there may be thousands of parts
    parts: list[AnyPart] = []
    for part in message.parts:
        if type(part) in kinds and part.opaque is None:
            continue
        if isinstance(part, ToolResult):
            inner = tuple(each for each in part.parts if type(each) not in kinds)
            parts.append(replace(part, parts=inner))
        else:
            parts.append(part)
    return replace(message, parts=tuple(parts))


_DEFAULTS = {
    field.name: field.default
    for field in fields(ChatRequest)
    if field.default is not NODEFAULT and field.name != "reasoning"  # in this word, a kind of part
}
_REASONING = frozenset(f"reasoning.{name}" for name in REASONING)
