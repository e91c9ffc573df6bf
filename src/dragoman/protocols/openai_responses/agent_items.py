"""Items in which Codex tells a model what else it may do, and what another agent has written to it.

A service of this protocol gets them as they came. For others the tools stand with those of the request, and the words
are the user's.
"""

from typing import Any

from msgspec.structs import replace

from dragoman.protocols.json_fields import Fields
from dragoman.protocols.openai_responses.extra import NAME
from dragoman.protocols.openai_responses.items import unknown
from dragoman.protocols.openai_responses.tools import decode_listed
from dragoman.protocols.speech import ONLY, OURS
from dragoman.protocols.tools.freeform import with_functions
from dragoman.protocols.tools.search import BY_NO_CALL, found, found_by, is_search, unmarked
from dragoman.types import AnyPart, ChatRequest, Extra, Message, Text, Tool, ToolCall, ToolResult

MORE_TOOLS, AGENT_MESSAGE = "additional_tools", "agent_message"
WHOLE_ITEM = "whole_item"
"""The field, under our own key of a message's `extra`, that is the item."""

CIPHER = "gAAAA"
"""How a text begins that OpenAI's service has encrypted, and no other can read. What another model writes to an agent
stands in the same field as it is (MetaFARS/codex-relay#60)."""


def decode_more_tools(fields: Fields, item: dict[str, Any]) -> tuple[Message, list[Tool]]:
    """The message that stands for the item, and those of its tools that are the caller's."""
    read = [tool for path, value in fields.items("tools") for tool in decode_listed(Fields(value, path))]
    tools = [found(tool, BY_NO_CALL) for tool in read if isinstance(tool, Tool)]
    if len(tools) < len(read):
        return Message("developer", (unknown(item),)), tools  # which other services do not get
    return Message("developer", (), extra=_noted(item)), tools


def with_functions_alone(request: ChatRequest) -> ChatRequest:
    """`request` for a model that knows functions alone: freeform tools and searches are functions, and what a search
    has found, or an item has brought, stands with the tools of the request."""
    return with_functions(_without_searches(request) if _has_searches(request) else request, NAME)


def _has_searches(request: ChatRequest) -> bool:
    return any(isinstance(tool, Tool) and (is_search(tool) or found_by(tool) is not None) for tool in request.tools)


def _without_searches(request: ChatRequest) -> ChatRequest:
    tools = (replace(tool, extra=unmarked(tool.extra)) if isinstance(tool, Tool) else tool for tool in request.tools)
    messages = (
        replace(message, parts=tuple(map(_of_function, message.parts)))
        for message in request.messages
        if not _brings_tools(message)
    )
    return replace(request, tools=tuple(tools), messages=tuple(messages))


def _of_function(part: AnyPart) -> AnyPart:
    if isinstance(part, ToolCall | ToolResult) and is_search(part):
        return replace(part, item=None, extra=unmarked(part.extra))
    return part


def _brings_tools(message: Message) -> bool:
    item = whole_item(message)
    return item is not None and item.get("type") == MORE_TOOLS


def decode_agent_message(item: dict[str, Any]) -> Message | None:
    """What an agent has written; None if not all of it can be read."""
    content = item.get("content")
    texts = [content] if isinstance(content, str) else [*map(_text, content)] if isinstance(content, list) else []
    said = [text for text in texts if text is not None]
    if len(said) < len(texts) or not any(said):
        return None
    return Message("user", (Text(text="".join(said)),), extra=_noted(item))


def whole_item(message: Message) -> dict[str, Any] | None:
    """The item that `message` stands for; None if it stands for itself."""
    item = message.extra.get(OURS, {}).get(WHOLE_ITEM)
    return item if isinstance(item, dict) else None


def _noted(item: dict[str, Any]) -> Extra:
    return {OURS: {ONLY: NAME, WHOLE_ITEM: item}}


def _text(part: object) -> str | None:
    match part:
        case {"type": "input_text" | "output_text", "text": str(text)}:
            return text
        case {"type": "encrypted_content", "encrypted_content": str(text)} if not text.startswith(CIPHER):
            return text
        case _:
            return None
