"""Canonical messages to those of this protocol: one text, pictures, and calls whose arguments are objects."""

from collections.abc import Iterable, Sequence
from typing import Any

from dragoman.protocols.json_fields import refused
from dragoman.protocols.ollama.arguments import object_of
from dragoman.protocols.ollama.extra import NAME, with_extra
from dragoman.protocols.tools.freeform import wrapped_input
from dragoman.protocols.tools.result_order import in_order_of_calls
from dragoman.types import AnyPart, Image, Message, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown

ROLES = {"developer": "system"}
"""Roles that this protocol does not have, to the nearest that it has."""


def encode_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The conversation on the wire. Raises InvalidRequestError for arguments that are not an object."""
    out: list[dict[str, Any]] = []
    called: dict[str, str] = {}
    # Templates of models show no ids.
    for i, message in enumerate(in_order_of_calls(messages)):
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        others = [part for part in message.parts if not isinstance(part, ToolResult)]
        if others and message.role == "tool":
            raise refused(f"messages[{i}]", "expected only results in a tool's turn")
        if message.role != "assistant" and any(isinstance(part, ToolCall) for part in others):
            raise refused(f"messages[{i}]", "expected tool calls only in an assistant's turn")
        out += [_result(part, message, called) for part in results]
        if others or not results:
            out.append(_turn(message, others, f"messages[{i}]"))
            called |= {part.id: part.name for part in others if isinstance(part, ToolCall)}
    return out


def _result(result: ToolResult, message: Message, called: dict[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {"role": "tool", "content": joined(result.parts)}
    body |= pictures(result.parts)
    name = result.name or called.get(result.id)
    if name is not None:
        body["tool_name"] = name
    body["tool_call_id"] = result.id
    body = with_extra(body, result.extra)
    return with_extra(body, message.extra) if message.role == "tool" else body


def _turn(message: Message, parts: Sequence[AnyPart], place: str) -> dict[str, Any]:
    body: dict[str, Any] = {"role": ROLES.get(message.role, message.role), "content": joined(parts)}
    if thought := "".join(part.text for part in parts if isinstance(part, Reasoning)):
        body["thinking"] = thought
    body |= pictures(parts)
    if calls := [
        encode_call(part, f"{place}.parts[{j}]") for j, part in enumerate(message.parts) if isinstance(part, ToolCall)
    ]:
        body["tool_calls"] = calls
    for part in parts:
        if isinstance(part, Unknown) and part.protocol == NAME and isinstance(part.data, dict):
            body |= part.data
    return with_extra(body, message.extra)


def joined(parts: Iterable[AnyPart]) -> str:
    """The text of all parts: a message has one. A refusal is told as text."""
    return "".join(part.text for part in parts if isinstance(part, Text | Refusal))


def pictures(parts: Iterable[AnyPart]) -> dict[str, Any]:
    """The pictures of a message, if it has any."""
    images = [part.data for part in parts if isinstance(part, Image) and part.data is not None]
    return {"images": images} if images else {}


def encode_call(call: ToolCall, place: str) -> dict[str, Any]:
    """A call in a message."""
    arguments = object_of(wrapped_input(call.arguments) if call.input_format == "text" else call.arguments)
    if arguments is None:
        raise refused(f"{place}.arguments", "expected a JSON object")
    function = {"name": call.name, "arguments": arguments}
    return with_extra({"id": call.id, "function": function}, call.extra, "function")
