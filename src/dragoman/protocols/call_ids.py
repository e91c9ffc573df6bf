"""Ids of calls that a service does not take, and those that stand in their place. Knows no protocol by name.

A call's id is made by the service that answered. If the conversation goes on at another one, that may refuse it. The id
in its place depends on the call's alone: a result finds its call, and each turn of a conversation says the same.
"""

import re
from base64 import b64encode
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from dragoman.protocols.tool_search import found, found_by
from dragoman.types import AnyPart, AnyTool, ChatRequest, Message, Tool, ToolCall, ToolResult


class CallIdForm(Struct, frozen=True):
    """The ids that a service takes."""

    most: int
    """How many characters."""
    least: int = 0
    pattern: re.Pattern[str] | None = None
    """What one must be; None: anything."""

    def takes(self, name: str) -> bool:
        """Whether it takes this id."""
        return self.least <= len(name) <= self.most and (
            self.pattern is None or self.pattern.fullmatch(name) is not None
        )

    def made(self, name: str) -> str:
        """An id in place of this one."""
        digest = sha256(name.encode("utf-8", "replace"))
        if self.least:
            return b64encode(digest.digest(), b"xy").decode()[: self.least]
        return f"call_{digest.hexdigest()[:24]}"


PLAIN = CallIdForm(1 << 16, pattern=re.compile(r"[A-Za-z0-9_-]+", re.ASCII))
NINE = CallIdForm(9, 9, re.compile(r"[A-Za-z0-9]+", re.ASCII))


def with_call_ids(request: ChatRequest, form: CallIdForm) -> ChatRequest:
    """`request` with ids that a service takes; the same object if it takes all of them."""
    if all(
        form.takes(part.id)
        for message in request.messages
        for part in message.parts
        if isinstance(part, ToolCall | ToolResult)
    ):
        return request

    def part_of(part: AnyPart) -> AnyPart:
        if isinstance(part, ToolCall | ToolResult) and not form.takes(part.id):
            return replace(part, id=form.made(part.id))
        return part

    def message_of(message: Message) -> Message:
        return replace(message, parts=tuple(map(part_of, message.parts)))

    def tool_of(tool: AnyTool) -> AnyTool:
        call = found_by(tool)
        return found(tool, form.made(call)) if isinstance(tool, Tool) and call and not form.takes(call) else tool

    tools = tuple(map(tool_of, request.tools))
    return replace(request, tools=tools, messages=tuple(map(message_of, request.messages)))
