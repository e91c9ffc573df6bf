"""What a protocol cannot say of a request: the loss manifest. Knows no protocol by name."""

from collections.abc import Iterator

from msgspec import NODEFAULT
from msgspec.structs import fields

from dragoman.errors import UnsupportedFeatureError
from dragoman.types import (
    AnyPart,
    Audio,
    ChatRequest,
    File,
    Image,
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
"""What is said by every protocol, or is not the service's business."""

DETAILS: dict[type[AnyPart], str] = {Reasoning: "signature", ToolResult: "is_error"}
"""What of a part may be lost though the part is not; a protocol that can say it lists it, as `reasoning.signature`."""


def losses(request: ChatRequest, expresses: frozenset[str]) -> tuple[str, ...]:
    """What `request` says and a protocol that `expresses` so much cannot: names of fields, and parts with their place.

    A protocol that can give back only its own unknown parts lists them as `unknown.NAME`.
    """
    return tuple(_lost(request, expresses | ALWAYS))


def _lost(request: ChatRequest, said: frozenset[str]) -> Iterator[str]:
    for name, default in _DEFAULTS.items():
        if name not in said and getattr(request, name) != default:
            yield name
    if said >= _ALL:
        return
    for i, message in enumerate(request.messages):
        for j, part in enumerate(message.parts):
            kind = PARTS[type(part)]
            own = f"unknown.{part.protocol}" if isinstance(part, Unknown) else kind
            detail = DETAILS.get(type(part))
            if kind not in said and own not in said:
                yield f"messages[{i}].parts[{j}] ({kind})"
            elif detail is not None and f"{kind}.{detail}" not in said and getattr(part, detail):
                yield f"messages[{i}].parts[{j}].{detail}"


def refuse(names: tuple[str, ...], target: str) -> None:
    """Raises UnsupportedFeatureError where anything would be lost."""
    if names:
        raise UnsupportedFeatureError(f"{target} cannot express: {', '.join(names)}")


_DEFAULTS = {field.name: field.default for field in fields(ChatRequest) if field.default is not NODEFAULT}
_ALL = frozenset(PARTS.values()) | {f"{PARTS[kind]}.{detail}" for kind, detail in DETAILS.items()}
