"""A conversation: messages and the parts they are made of. Knows no protocol."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import field

from dragoman.types.value import Value

Role = Literal["system", "developer", "user", "assistant", "tool"]
SYSTEM_ROLES: frozenset[Role] = frozenset({"system", "developer"})
"""The roles whose messages instruct the model."""
Extra = dict[str, dict[str, Any]]
"""Fields of one protocol for which these values have no place, under that protocol's name. They are given back to that
protocol; the others ignore them."""

InputFormat = Literal["json", "text"]
"""What a tool is given: `json`, the text of a JSON object; `text`, any text (a freeform tool)."""


class OpaqueState(Value, frozen=True):
    """What only the service that wrote it can read, and wants back untouched: a signature, encrypted reasoning."""

    protocol: str
    """The service's protocol."""
    data: str
    origin: str | None = None
    """Which service and model wrote it; it is sent to no other. None: the caller has it from the service itself."""


class CacheBreakpoint(Value, frozen=True):
    """Up to here the request is worth caching at the service."""

    ttl: int | None = None
    """For how many seconds; None: for as long as the service usually does."""


class Citation(Value, frozen=True, kw_only=True):
    """Where a stretch of text comes from."""

    kind: Literal["url", "document", "file", "search_result", "place"]
    url: str | None = None
    title: str | None = None
    quote: str | None = None
    """The words of the source."""
    source: str | int | None = None
    """The id of a file, or the number of a document in the request."""
    text_range: tuple[int, int] | None = None
    """Begin and end in the part's text, in characters."""
    location: tuple[Literal["char", "page", "block"], int, int] | None = None
    """Begin and end in the source, and what they count."""
    extra: Extra = field(default_factory=dict)


class TokenLogprob(Value, frozen=True):
    """A token, and how likely it was."""

    token: str
    logprob: float
    """The natural logarithm of its probability."""
    bytes: tuple[int, ...] | None = None
    top: tuple["TokenLogprob", ...] = ()
    """The most likely tokens in its place."""
    id: int | None = None
    """The token's number in the vocabulary of the model."""


class Part(Value, frozen=True, kw_only=True, tag_field="kind"):
    """What every part has."""

    item: str | None = None
    """Neighbours with the same `item` stood in one item of the protocol, which had this id."""
    opaque: OpaqueState | None = None
    cache: CacheBreakpoint | None = None
    """The part is the last one before a cache breakpoint."""
    extra: Extra = field(default_factory=dict)


class Text(Part, frozen=True, tag="text"):
    """Text for the reader."""

    text: str
    citations: tuple[Citation, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


class Refusal(Part, frozen=True, tag="refusal"):
    """The model's own explanation why it will not answer."""

    text: str


class Reasoning(Part, frozen=True, tag="reasoning"):
    """The model's thinking."""

    text: str
    form: Literal["full", "summary", "redacted"] = "full"
    """`summary`: the service shows a summary of it; `redacted`: it shows nothing, and there is only opaque state."""


class Media(Part, frozen=True):
    """Something that is not text: its `url`, its `data`, or the service's own id of it."""

    url: str | None = None
    """An address: https, or the service's own storage."""
    data: str | None = None
    """Base64 text, with padding and without line breaks."""
    file_id: str | None = None
    """The id of a file that the service stores."""
    service: str | None = None
    """The protocol of the service that stores the file. None: the one that is asked."""
    media_type: str | None = None
    """As `image/png`."""


class Image(Media, frozen=True, tag="image"):
    """A picture."""

    detail: str | None = None
    """How closely the model should look at it: `low`, `high`, `auto`."""


class Audio(Media, frozen=True, tag="audio"):
    """Sound."""

    transcript: str | None = None


class File(Media, frozen=True, tag="file"):
    """A document or a video."""

    name: str | None = None


class ToolCall(Part, frozen=True, tag="tool_call"):
    """The model asks the caller for a tool."""

    id: str
    name: str
    arguments: str = ""
    """JSON text exactly as it came, or with `input_format` `text` what the freeform tool is given."""
    input_format: InputFormat = "json"
    namespace: str | None = None
    """The group of tools that the tool belongs to."""


class Unknown(Part, frozen=True, tag="unknown"):
    """A part of a kind that only `protocol` knows, as it came."""

    protocol: str
    data: Any
    essential: bool = False
    """Without it the request would be another one: it is a reference to what the service stores, or an approval."""


ResultParts = tuple[Text | Image | Audio | File | Unknown, ...]
"""What a tool may answer."""


class ToolResult(Part, frozen=True, tag="tool_result"):
    """What a tool answered to the call `id`."""

    id: str
    parts: ResultParts
    name: str | None = None
    is_error: bool = False
    input_format: InputFormat = "json"
    """That of the call."""

    @property
    def text(self) -> str:
        """All text parts, joined with nothing between them."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


class HostedCall(Part, frozen=True, tag="hosted_call"):
    """The service used a tool of its own."""

    id: str
    tool: str
    """Which kind of tool, in the words of `HostedTool.tool`."""
    name: str | None = None
    """The tool's name at the service."""
    arguments: str = ""
    """JSON text."""


class HostedResult(Part, frozen=True, tag="hosted_result"):
    """What a tool of the service gave; what only the service's protocol can say of it is in `extra`."""

    id: str
    tool: str
    parts: tuple[Text | Image | File | Unknown, ...] = ()
    is_error: bool = False


AnyPart = (
    Text | Refusal | Reasoning | Image | Audio | File | ToolCall | ToolResult | HostedCall | HostedResult | Unknown
)


class Message(Value, frozen=True):
    """One turn: who speaks, and what."""

    role: Role
    parts: tuple[AnyPart, ...]
    name: str | None = None
    """Who speaks, if several speak in one role."""
    extra: Extra = field(default_factory=dict)
    top_level: bool = False
    """It stood beside the conversation, as a field of the request."""

    @property
    def text(self) -> str:
        """All text parts, joined with nothing between them."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


def system(text: str) -> Message:
    """A system message of plain text."""
    return Message("system", (Text(text=text),))


def user(text: str, *parts: AnyPart) -> Message:
    """A user message of plain text, and what belongs to it: pictures, sound, documents."""
    return Message("user", (Text(text=text), *parts))


def assistant(text: str) -> Message:
    """An assistant message of plain text."""
    return Message("assistant", (Text(text=text),))


def tool_result(call: ToolCall, result: str | ResultParts, *, is_error: bool = False) -> Message:
    """What a tool answered to `call`, as plain text or in parts. `is_error`: it says why the tool failed."""
    if not isinstance(call, ToolCall):
        raise TypeError(f"call: expected a ToolCall, got {type(call).__name__}")
    parts = (Text(text=result),) if isinstance(result, str) else result
    return Message("tool", (ToolResult(id=call.id, parts=parts, is_error=is_error, input_format=call.input_format),))


def leading_system(messages: Sequence[Message]) -> int:
    """How many messages instruct the model before one of another role."""
    return next((i for i, message in enumerate(messages) if message.role not in SYSTEM_ROLES), len(messages))
