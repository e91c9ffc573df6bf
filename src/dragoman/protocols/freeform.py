"""Freeform tools, whose input is any text, in protocols whose tools take only JSON. Knows no protocol by name.

Such a tool becomes a function with one string field. Its calls are written and read likewise, so that the caller gets
the text. The grammar of the input, if there is one, is told to the model in the description.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from dragoman.types import AnyTool, Tool

FIELD = "input"

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {FIELD: {"type": "string"}},
    "required": [FIELD],
    "additionalProperties": False,
}

_json = msgspec.json.Encoder().encode


class _Input(msgspec.Struct, forbid_unknown_fields=True):
    input: str


_decode = msgspec.json.Decoder(_Input).decode


def freeform_names(tools: Iterable[AnyTool]) -> frozenset[str]:
    """The names of the freeform tools."""
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
    except (msgspec.MsgspecError, UnicodeError):
        return None
