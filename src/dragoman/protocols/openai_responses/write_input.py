"""Messages to the items of a request."""

from collections.abc import Iterator, Sequence
from typing import Any

from dragoman.protocols.json_fields import refused
from dragoman.protocols.openai_responses.agent_items import whole_item
from dragoman.protocols.openai_responses.content import encode_content, is_content
from dragoman.protocols.openai_responses.extra import NAME, with_extra
from dragoman.protocols.openai_responses.said_items import encode_said
from dragoman.protocols.openai_responses.sayable import Sayable
from dragoman.protocols.openai_responses.tool_search import BY_CALLER, OUTPUT
from dragoman.protocols.openai_responses.tools import encode_listed
from dragoman.protocols.tools.search import found_by, is_search
from dragoman.types import AnyPart, AnyTool, Audio, Message, ToolCall, ToolResult, Unknown


def encode_input(messages: Sequence[Message], tools: Sequence[AnyTool], sayable: Sayable) -> list[dict[str, Any]]:
    """The items of a conversation. `tools`: those of the request, of which searches may have found some."""
    forms: dict[str, str] = {}  # of the calls so far: some services use an id again in a later turn
    out: list[dict[str, Any]] = []
    for i, message in enumerate(messages):
        if (item := whole_item(message)) is not None:
            out.append(item)
            continue
        others: list[AnyPart] = []
        lost = set(sayable.left_out(message))
        for j, part in enumerate(message.parts):
            if isinstance(part, ToolCall):
                forms[part.id] = part.input_format
            if isinstance(part, ToolResult):
                out.append(
                    _search_output(part, tools, sayable)
                    if is_search(part)
                    else _output(part, forms.get(part.id, part.input_format), sayable)
                )
            elif j not in lost:
                others.append(part)
        if message.role == "tool" and any(not isinstance(part, Unknown) for part in others):
            raise refused(f"messages[{i}]", "expected only results in a tool's turn")
        if message.role == "assistant":
            out += encode_said(others, sayable.id_of)
            continue
        if any(isinstance(part, ToolCall) for part in others):
            raise refused(f"messages[{i}]", "expected tool calls only in an assistant's turn")
        out += _told(message, others, sayable)
    return out


def _told(message: Message, parts: Sequence[AnyPart], sayable: Sayable) -> Iterator[dict[str, Any]]:
    """What was not said by the model."""
    items = [part for part in parts if isinstance(part, Unknown) and not is_content(part)]
    yield from (part.data for part in items if part.protocol == NAME)
    content = [part for part in parts if not (isinstance(part, Unknown) and not is_content(part))]
    if content or (not items and not message.parts):
        body: dict[str, Any] = {"role": message.role, "content": encode_content(content)}
        item = content[0].item if content else None
        if (known := sayable.id_of(item)) is not None:
            body = {"type": "message", "id": known} | body
        yield with_extra(body, message.extra)


def _output(result: ToolResult, form: str, sayable: Sayable) -> dict[str, Any]:
    text = "text" in {form, result.input_format}
    kind = "custom_tool_call_output" if text else "function_call_output"
    parts = [part for part in result.parts if not isinstance(part, Audio)]
    body = {"type": kind, "call_id": result.id, "output": encode_content(parts) or ""}
    if (known := sayable.id_of(result.item)) is not None:
        body["id"] = known
    return with_extra(body, result.extra)


def _search_output(result: ToolResult, tools: Sequence[AnyTool], sayable: Sayable) -> dict[str, Any]:
    listed = encode_listed([tool for tool in tools if found_by(tool) == result.id])
    body: dict[str, Any] = {"type": OUTPUT, "call_id": result.id, **BY_CALLER, "tools": listed}
    if (known := sayable.id_of(result.item)) is not None:
        body["id"] = known
    return with_extra(body, result.extra)
