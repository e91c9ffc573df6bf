"""Tools that a model may call, and how it has to choose among them."""

from typing import Any, Literal

from msgspec import field

from dragoman.types.messages import CacheBreakpoint, Extra, InputFormat
from dragoman.types.value import Value

HostedKind = Literal[
    "web_search",
    "web_fetch",
    "code_execution",
    "image_generation",
    "file_search",
    "computer",
    "browser",
    "shell",
    "text_editor",
    "memory",
    "tool_search",
    "maps",
    "mcp",
]


class Tool(Value, frozen=True, tag="tool", tag_field="kind"):
    """A function of the caller that the model may ask for."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    """A JSON Schema."""
    strict: bool | None = None
    """Whether the service must keep the arguments to the schema."""
    extra: Extra = field(default_factory=dict)
    input_format: InputFormat = "json"
    grammar: tuple[Literal["lark", "regex"], str] | None = None
    """What a freeform tool's input must match: the kind of grammar, and its definition."""
    output: dict[str, Any] | None = None
    """A JSON Schema of what it gives."""
    defer_loading: bool | None = None
    """The model does not see the tool until it has searched for it."""
    namespace: str | None = None
    """The group of tools that it belongs to."""
    namespace_description: str | None = None
    """The description of the group, for the model."""
    cache: CacheBreakpoint | None = None


class HostedTool(Value, frozen=True, kw_only=True, tag="hosted_tool", tag_field="kind"):
    """A tool of the service that the model may use."""

    tool: HostedKind
    allowed: tuple[str, ...] = ()
    """Sites of a web search, or tools of an MCP server: no others than these."""
    blocked: tuple[str, ...] = ()
    """Sites that are left out."""
    location: dict[str, str] | None = None
    """Where the user is: `city`, `region`, `country`, `timezone`."""
    max_uses: int | None = None
    context_size: str | None = None
    """How much of what is found the model sees: `low`, `medium`, `high`."""
    label: str | None = None
    """The name of an MCP server."""
    url: str | None = None
    """Its address."""
    authorization: str | None = None
    """The credential for it."""
    cache: CacheBreakpoint | None = None
    extra: Extra = field(default_factory=dict)


class UnknownTool(Value, frozen=True, tag="unknown_tool", tag_field="kind"):
    """A tool of a kind that only `protocol` knows, as it came."""

    protocol: str
    data: Any


AnyTool = Tool | HostedTool | UnknownTool


class ToolChoice(Value, frozen=True):
    """How the model has to choose."""

    mode: Literal["auto", "none", "required", "tool"]
    """`auto`: as it likes; `none`; `required`: at least one; `tool`: the one called `name`, or the `hosted` one."""
    name: str | None = None
    names: tuple[str, ...] = ()
    """No others than these may be called; empty: all."""
    hosted: HostedKind | None = None

    @property
    def forces(self) -> bool:
        """Whether a tool must be called."""
        return self.mode in {"required", "tool"}
