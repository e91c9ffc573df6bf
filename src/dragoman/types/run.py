"""What a run of a model with tools tells beside the events of its answers."""

from msgspec import Struct

from dragoman.types.events import StreamEvent
from dragoman.types.messages import ToolCall, ToolResult


class ToolStart(Struct, frozen=True):
    """A tool is being run. The calls of one answer are run at the same time."""

    call: ToolCall


class ToolEnd(Struct, frozen=True):
    """A tool is at its end."""

    call: ToolCall
    result: ToolResult
    """What the model is told."""
    error: BaseException | None = None
    """What the tool raised, or what is wrong with the call: its arguments, or its name."""


RunEvent = StreamEvent | ToolStart | ToolEnd
