"""Freeform tools, whose input is any text, in protocols whose tools take only JSON. Knows no protocol by name.

Such a tool becomes a function with one string field. Its calls are written and read likewise, so that the caller gets
the text. The grammar of the input, if there is one, is told to the model in the description.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from dragoman.types import (
    AnyPart,
    AnyTool,
    ChatRequest,
    Extra,
    Message,
    PartDelta,
    PartEnd,
    PartStart,
    StreamEvent,
    Tool,
    ToolCall,
    ToolResult,
)
from dragoman.wire.json import NOT_STRICT

FIELD = "input"

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {FIELD: {"type": "string"}},
    "required": [FIELD],
    "additionalProperties": False,
}

NO_NAMES: frozenset[str] = frozenset()

_json = msgspec.json.Encoder().encode


class _Input(msgspec.Struct, forbid_unknown_fields=True):
    input: str


_decode = msgspec.json.Decoder(_Input).decode


def freeform_names(tools: Sequence[AnyTool]) -> frozenset[str]:
    """The names of the freeform tools."""
    if not tools:
        return NO_NAMES
    return frozenset(tool.name for tool in tools if isinstance(tool, Tool) and tool.input_format == "text")


def as_function(tool: Tool) -> Tool:
    """`tool` as a function; the same object if it is not freeform."""
    if tool.input_format == "json":
        return tool
    words = [tool.description] if tool.description else []
    if tool.grammar is not None:
        kind, definition = tool.grammar
        words.append(f"The {FIELD} must match this {kind} grammar:\n{definition}")
    return replace(
        tool, input_format="json", grammar=None, parameters=PARAMETERS, description="\n\n".join(words) or None
    )


def wrapped_input(text: str) -> str:
    """The arguments, as JSON text, that carry a freeform tool's input."""
    return _json({FIELD: text}).decode()


def unwrapped_input(arguments: str) -> str | None:
    """The input in such arguments; None if they are something else."""
    try:
        return _decode(arguments).input
    except NOT_STRICT:
        return None


def with_functions(request: ChatRequest, own: str) -> ChatRequest:
    """`request` with each freeform tool as a function, calls and results likewise, for a service that has no others.

    `own`: the key of `extra` whose fields belong to the form that such tools have in the service's protocol.
    """
    tools = tuple(_function(tool, own) if isinstance(tool, Tool) else tool for tool in request.tools)
    return replace(request, tools=tools, messages=tuple(_message(message, own) for message in request.messages))


def _function(tool: Tool, own: str) -> Tool:
    function = as_function(tool)
    return tool if function is tool else replace(function, extra=_without(tool.extra, own))


def _message(message: Message, own: str) -> Message:
    if not any(isinstance(part, ToolCall | ToolResult) and part.input_format == "text" for part in message.parts):
        return message
    return replace(message, parts=tuple(_part(part, own) for part in message.parts))


def _part(part: AnyPart, own: str) -> AnyPart:
    match part:
        case ToolCall(input_format="text", arguments=text):
            extra = _without(part.extra, own)
            return replace(part, input_format="json", arguments=wrapped_input(text), item=None, extra=extra)
        case ToolResult(input_format="text"):
            return replace(part, input_format="json", item=None)
        case _:
            return part


def _without(extra: Extra, own: str) -> Extra:
    return {name: fields for name, fields in extra.items() if name != own}


class CallUnwrapper:
    """Turns calls of freeform tools, which came as those of functions, into calls with a text.

    A text is known only once the object around it is complete, so it comes as one delta at the end. What is not such an
    object stays as it came.
    """

    def __init__(self, names: frozenset[str]) -> None:
        """`names`: those of the freeform tools."""
        self._names = names
        self._said: list[str] | None = None
        """The arguments of the call that is open; None if none is."""

    @property
    def holds(self) -> bool:
        """Whether such a call is open, of which nothing may pass yet."""
        return self._said is not None

    def unwrapped(self, events: list[StreamEvent]) -> list[StreamEvent]:
        """The events in place of the next `events`."""
        return [each for event in events for each in self._of(event)]

    def _of(self, event: StreamEvent) -> Iterable[StreamEvent]:
        match event:
            case PartStart(ToolCall(input_format="json") as call) if call.name in self._names:
                self._said = [call.arguments]
                # In Responses such a call is another kind of item, whose ids are others.
                return (PartStart(replace(call, input_format="text", arguments="", item=None)),)
            case PartDelta() if self._said is not None:
                self._said.append(event.text)
                return ()
            case PartEnd() if self._said is not None:
                arguments, self._said = "".join(self._said), None
                text = unwrapped_input(arguments)
                return PartDelta(arguments if text is None else text), event
        return (event,)
