"""A conversation: messages and the parts they are made of. Knows no protocol."""

from typing import Any, Literal

from msgspec import Struct, field

Role = Literal["system", "user", "assistant", "tool"]
Extra = dict[str, dict[str, Any]]
"""Fields of one protocol for which these values have no place, under that protocol's name. They are given back to that
protocol; the others ignore them."""


class Part(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What every part has."""

    extra: Extra = field(default_factory=dict)


class Text(Part, frozen=True, tag="text"):
    """Text for the reader."""

    text: str


class Refusal(Part, frozen=True, tag="refusal"):
    """The model's own explanation why it will not answer."""

    text: str


class Reasoning(Part, frozen=True, tag="reasoning"):
    """The model's thinking."""

    text: str
    signature: str | None = None
    """The service's proof that it wrote this, to be sent back untouched."""


class Image(Part, frozen=True, tag="image"):
    """A picture: `url` (https or data), or `data` (base64 text) with its `media_type`."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    detail: str | None = None


class Audio(Part, frozen=True, tag="audio"):
    """Sound: `data` (base64 text) in `format` (wav, mp3 …)."""

    data: str
    format: str


class File(Part, frozen=True, tag="file"):
    """A document: `data` (base64 text or a data URL), or the service's own `id`."""

    data: str | None = None
    id: str | None = None
    name: str | None = None
    media_type: str | None = None


class ToolCall(Part, frozen=True, tag="tool_call"):
    """The model asks for a tool. `arguments` is JSON text, exactly as it came."""

    id: str
    name: str
    arguments: str = ""


class ToolResult(Part, frozen=True, tag="tool_result"):
    """What a tool answered to the call `id`."""

    id: str
    parts: tuple[Text | Image, ...]
    name: str | None = None
    is_error: bool = False


class Unknown(Part, frozen=True, tag="unknown"):
    """A part of a kind that only `protocol` knows, as it came."""

    protocol: str
    data: Any


AnyPart = Text | Refusal | Reasoning | Image | Audio | File | ToolCall | ToolResult | Unknown


class Message(Struct, frozen=True):
    """One turn: who speaks, and what."""

    role: Role
    parts: tuple[AnyPart, ...]
    name: str | None = None
    extra: Extra = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All text parts, joined with nothing between them."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


def system(text: str) -> Message:
    """A system message of plain text."""
    return Message("system", (Text(text=text),))


def user(text: str) -> Message:
    """A user message of plain text."""
    return Message("user", (Text(text=text),))


def assistant(text: str) -> Message:
    """An assistant message of plain text."""
    return Message("assistant", (Text(text=text),))


def tool(call: ToolCall, text: str) -> Message:
    """What a tool answered to `call`, in plain text."""
    return Message("tool", (ToolResult(id=call.id, parts=(Text(text=text),)),))
