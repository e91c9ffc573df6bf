"""Conversations as callers write them: lists of dictionaries, in OpenAI's shape."""

from itertools import chain
from typing import Any

from msgspec.structs import replace

from dragoman.protocols.webchat.plain_text import worded
from dragoman.protocols.webchat.prompt import format_messages
from dragoman.providers.request import build_request
from dragoman.types import Message, ToolResult

Messages = list[dict[str, Any]]
"""`[{"role": "user", "content": "Hello"}]`; content is a string or a list of parts, as OpenAI's API takes it."""


def format_prompt(messages: Messages) -> str:
    """The conversation as one text: one message is its content, more are `Role: content` lines and `Assistant:`.

    Raises InvalidRequestError that names the place.
    """
    return format_messages(tuple(map(_told, build_request("", messages, {}).messages)))


def _told(message: Message) -> Message:
    """`message` with a tool's result as its text, and with a refusal as one."""
    parts = (part.parts if isinstance(part, ToolResult) else (part,) for part in message.parts)
    return worded(replace(message, parts=tuple(chain.from_iterable(parts))))
