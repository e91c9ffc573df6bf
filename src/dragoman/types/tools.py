"""Tools that a model may call, and how it has to choose among them."""

from typing import Any, Literal

from msgspec import Struct, field

from dragoman.types.messages import Extra


class Tool(Struct, frozen=True):
    """A function the model may ask for. `parameters` is a JSON Schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    extra: Extra = field(default_factory=dict)


class ToolChoice(Struct, frozen=True):
    """`auto`: as the model likes; `none`; `required`: at least one; `tool`: the one called `name`."""

    mode: Literal["auto", "none", "required", "tool"]
    name: str | None = None
