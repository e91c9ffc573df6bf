"""The search for tools that the caller makes itself: the tool, its calls, and what it found.

A search that the service makes is a tool of the service, and its items pass as they came.
"""

from typing import Any

import msgspec

from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields
from dragoman.protocols.openai_responses.extra import to_extra, with_extra
from dragoman.protocols.tools.search import MARK
from dragoman.types import Tool, ToolCall
from dragoman.wire import floats, json

SEARCH, CALL, OUTPUT = "tool_search", "tool_search_call", "tool_search_output"
"""The types of the tool, of its calls and of their results."""
BY_CALLER = {"execution": "client"}


def is_callers(fields: Fields) -> bool:
    """Whether the caller makes the search."""
    return fields.rest.get("execution") == BY_CALLER["execution"]


def is_of_callers(fields: Fields) -> bool:
    """Whether an item belongs to a search that the caller makes, and says to which."""
    return is_callers(fields) and fields.rest.get("call_id") is not None


def decode_search(fields: Fields) -> Tool:
    """The tool."""
    del fields.rest["execution"]
    description, parameters = fields.text("description"), fields.object("parameters")
    return Tool(SEARCH, description, parameters, extra=to_extra(fields.rest) | MARK)


def encode_search(tool: Tool) -> dict[str, Any]:
    """The tool on the wire."""
    said = {"description": tool.description, "parameters": tool.parameters}
    return with_extra({"type": SEARCH, **BY_CALLER} | without_none(said), tool.extra)


def decode_search_call(fields: Fields) -> ToolCall:
    """A call of it, as an item of a request."""
    del fields.rest["execution"]
    item, call = fields.text("id"), fields.required_text("call_id")
    arguments = msgspec.json.encode(fields.any("arguments")).decode()
    rest = without_none(fields.rest)
    return ToolCall(id=call, name=SEARCH, arguments=arguments, item=item, extra=to_extra(rest) | MARK)


def search_item(call: ToolCall, known: str | None) -> dict[str, Any]:
    """The item of a call. Its arguments are JSON, or a text if the model wrote something else."""
    arguments = _json_or_text(call.arguments or "{}")
    body: dict[str, Any] = {"type": CALL, "call_id": call.id, **BY_CALLER, "arguments": arguments}
    if known is not None:
        body["id"] = known
    return with_extra(body, call.extra)


def _json_or_text(arguments: str) -> Any:
    try:
        floats.decode(arguments)
    except json.NOT_STRICT:
        return arguments
    return msgspec.Raw(arguments.encode())
