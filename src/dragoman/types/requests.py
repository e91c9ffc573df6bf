"""A request to a model. None means everywhere: not set."""

from typing import Any, Literal

from msgspec import Struct, field

from dragoman.types.messages import Extra, Message
from dragoman.types.tools import Tool, ToolChoice


class ResponseFormat(Struct, frozen=True):
    """`text`, any JSON object, or JSON by a schema."""

    kind: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class ChatRequest(Struct, frozen=True, kw_only=True):
    """What is asked of a model, in a form that belongs to no protocol."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning_effort: str | None = None
    user: str | None = None
    stream: bool = True
    include_usage: bool = True
    extra: Extra = field(default_factory=dict)
