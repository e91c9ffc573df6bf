"""A request to a model. None means everywhere: not set."""

from typing import Any, Literal

from msgspec import field

from dragoman.types.http import Headers
from dragoman.types.messages import CacheBreakpoint, Extra, Message
from dragoman.types.tools import AnyTool, ToolChoice
from dragoman.types.value import Value


class ResponseFormat(Value, frozen=True):
    """`text`, any JSON object, or JSON by a schema."""

    kind: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None
    extra: Extra = field(default_factory=dict)
    checked: bool = False
    """The caller checks the answer against the schema: what the target does not hold itself to is no loss, and if it
    can be given no schema, the model is asked for it in words."""


class ReasoningConfig(Value, frozen=True):
    """How much the model should think, and how much of that is shown."""

    mode: Literal["off", "on", "adaptive"] | None = None
    effort: str | None = None
    """`none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`, or another word of the service."""
    budget_tokens: int | None = None
    display: Literal["none", "summary", "full"] | None = None
    extra: Extra = field(default_factory=dict)


class ChatRequest(Value, frozen=True, kw_only=True):
    """What is asked of a model, in a form that belongs to no protocol."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[AnyTool, ...] = ()
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
    reasoning: ReasoningConfig | None = None
    top_logprobs: int | None = None
    """Log probabilities are wanted: of the chosen token, and of so many of the most likely ones (0 to 20)."""
    candidate_count: int | None = None
    """How many answers are wanted; a translation gives one."""
    verbosity: str | None = None
    """How long the answer should be: `low`, `medium`, `high`."""
    service_tier: str | None = None
    """`auto`, `standard`, `flex`, `priority`, `fast`, or another word of the service."""
    modalities: tuple[str, ...] = ()
    """What the answer may consist of: `text`, `image`, `audio`; empty: as the service does."""
    metadata: dict[str, str] | None = None
    """The caller's notes, which the service stores."""
    user: str | None = None
    safety_identifier: str | None = None
    """Another id of the end user, for the service's checks of abuse."""
    cache: CacheBreakpoint | None = None
    """The service may cache the whole conversation."""
    cache_key: str | None = None
    """Requests with the same key are likely to share a cache."""
    store: bool | None = None
    """Whether the service may store the answer."""
    truncate: bool | None = None
    """Whether the service may shorten a conversation that is too long."""
    compact: bool = False
    """Wanted is not the next turn, but one summary that can stand in place of the conversation."""
    stream: bool = True
    include_usage: bool = True
    extra: Extra = field(default_factory=dict)
    essential: tuple[str, ...] = ()
    """Names in `extra` without which the request would be another one: another protocol refuses them."""
    trace: Headers = ()
    """Header fields by which the service's records can be found from the caller's: sent as they are, to any service."""
    silent: tuple[str, ...] = ()
    """Names in `extra`, at any depth, that mean nothing to the model: to leave them out is no loss."""
    source: bytes = b""
    """The body in which a caller wrote all of it; empty if that is not kept. Sent to nobody."""
