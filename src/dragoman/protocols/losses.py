"""What a protocol cannot say of a request: the loss manifest. Knows no protocol by name."""

from collections.abc import Iterator

from msgspec import NODEFAULT
from msgspec.structs import fields

from dragoman.errors import InvalidRequestError, UnsupportedFeatureError
from dragoman.types import (
    AnyPart,
    Audio,
    ChatRequest,
    Extra,
    File,
    Image,
    Message,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)

PARTS: dict[type[AnyPart], str] = {
    Text: "text",
    Refusal: "refusal",
    Reasoning: "reasoning",
    Image: "image",
    Audio: "audio",
    File: "file",
    ToolCall: "tool_call",
    ToolResult: "tool_result",
    Unknown: "unknown",
}
ALWAYS = frozenset({"model", "messages", "stream", "include_usage", "extra", "text"})
"""What is said by every protocol, is not the service's business, or is looked at more closely (`extra`)."""

DETAILS: dict[type[AnyPart], str] = {Reasoning: "signature", ToolResult: "is_error"}
"""What of a part may be lost though the part is not; a protocol that can say it lists it, as `reasoning.signature`."""

NAMES = "name"
"""What a protocol lists that can say who speaks a message."""

UNMISSED = frozenset({"role", "conversationId"})
"""What `extra` says and nobody misses: another word for a role that we know, a conversation's name at one service."""

NOTHING: tuple[object, ...] = (None, [], {})
"""What says nothing: programs that give an answer back repeat its empty fields."""


def losses(request: ChatRequest, expresses: frozenset[str], own: str) -> tuple[str, ...]:
    """What `request` says and a protocol that `expresses` so much cannot: names of fields, and parts with their place.

    `own` is the protocol's name: what others alone said (`extra`) is lost on it. One that can give back only its own
    unknown parts lists them as `unknown.NAME`. Raises InvalidRequestError for what is no part.
    """
    return tuple(dict.fromkeys(_lost(request, expresses | ALWAYS, own)))


def _lost(request: ChatRequest, said: frozenset[str], own: str) -> Iterator[str]:
    for name, default in _DEFAULTS.items():
        if name not in said and getattr(request, name) != default:
            yield name
    yield from _others(request.extra, own)
    if "tools" in said:
        for i, tool in enumerate(request.tools):
            yield from _others(tool.extra, own, f"tools[{i}].")
    for i, message in enumerate(request.messages):
        yield from _lost_of(message, f"messages[{i}].", said, own)


def _lost_of(message: Message, path: str, said: frozenset[str], own: str) -> Iterator[str]:
    if message.name is not None and NAMES not in said:
        yield f"{path}name"
    yield from _others(message.extra, own, path)
    for j, part in enumerate(message.parts):
        if type(part) is Text and not part.extra:
            continue  # said by all, and there may be thousands
        place = f"{path}parts[{j}]"
        kind = _kind(part, place)
        unknown = f"unknown.{part.protocol}" if isinstance(part, Unknown) else kind
        detail = DETAILS.get(type(part))
        if kind not in said and unknown not in said:
            yield f"{place} ({kind})"
            continue
        if detail is not None and f"{kind}.{detail}" not in said and getattr(part, detail):
            yield f"{place}.{detail}"
        yield from _others(part.extra, own, f"{place}.")
        for k, inner in enumerate(part.parts if isinstance(part, ToolResult) else ()):
            within = f"{place}.parts[{k}]"
            _kind(inner, within)
            yield from _others(inner.extra, own, f"{within}.")


def _kind(part: AnyPart, place: str) -> str:
    kind = PARTS.get(type(part))
    if kind is None:
        raise InvalidRequestError(f"{place}: expected a part of a message, got {type(part).__name__}")
    return kind


def _others(extra: Extra, own: str, path: str = "") -> Iterator[str]:
    """The fields of protocols other than `own`."""
    for protocol, said in extra.items():
        if protocol != own:
            yield from (
                f"{path}{name}" for name, value in said.items() if name not in UNMISSED and value not in NOTHING
            )


def refuse(names: tuple[str, ...], target: str) -> None:
    """Raises UnsupportedFeatureError where anything would be lost."""
    if names:
        raise UnsupportedFeatureError(f"{target} cannot express: {', '.join(names)}")


_DEFAULTS = {field.name: field.default for field in fields(ChatRequest) if field.default is not NODEFAULT}
