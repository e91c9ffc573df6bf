"""The items of a request to messages.

What the model said (reasoning, messages, calls, uses of the service's tools) comes as one item after another:
neighbours become one message, and `Part.item` keeps them apart. What a tool of the caller gave is a message of its own.
"""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from dragoman.error_words import cut
from dragoman.protocols import opaque
from dragoman.protocols.compaction import summary_message
from dragoman.protocols.json_fields import Fields, entries, refused, wrong_type
from dragoman.protocols.openai_responses.agent_items import (
    AGENT_MESSAGE,
    MORE_TOOLS,
    decode_agent_message,
    decode_more_tools,
)
from dragoman.protocols.openai_responses.compaction import COMPACTION, summary_of
from dragoman.protocols.openai_responses.content import check_notes, decode_content
from dragoman.protocols.openai_responses.extra import NAME, to_extra
from dragoman.protocols.openai_responses.items import ItemReader, unknown
from dragoman.protocols.openai_responses.said_items import belongs
from dragoman.protocols.openai_responses.tool_search import OUTPUT, is_of_callers
from dragoman.protocols.openai_responses.tools import decode_listed
from dragoman.protocols.tools.search import MARK, found
from dragoman.types import AnyPart, Message, OpaqueState, Refusal, Role, Text, Tool, ToolCall, ToolResult

MAX_ITEMS = 10_000
"""Items of a request that is translated: each takes 10 µs, in which nobody else is served."""

NEXT, LAST = "+next", "+last"
"""Behind the name of the protocol of an opaque state: it belongs to the part that follows, or to the one before."""

OUTPUTS = {"function_call_output": "json", "custom_tool_call_output": "text"}
ROLES: dict[str, Role] = {"user": "user", "system": "system", "developer": "developer"}
SAID_BY_MODEL = frozenset({"reasoning", "function_call", "custom_tool_call", "program", "mcp_list_tools", "compaction"})
"""Types of items that the model has said, besides those that end in `_call` or `_request`."""


def decode_input(fields: Fields, *, stateful: bool) -> tuple[tuple[Message, ...], list[Tool]]:
    """The conversation, and the tools that were found in it. `stateful`: an earlier part of it is at the service.

    Raises InvalidRequestError.
    """
    value, path = fields.any("input"), fields.path("input")
    if isinstance(value, str):
        return (Message("user", (Text(text=value),)),), []
    if value is None and stateful:
        return (), []
    if not isinstance(value, list | tuple):
        raise wrong_type(path, "a string or a list of items", value)
    if not value and not stateful:
        raise refused(path, "expected at least one item, got none")
    if len(value) > MAX_ITEMS:
        raise refused(path, f"expected at most {MAX_ITEMS} items, got {len(value)}")
    conversation = _Conversation(stateful=stateful)
    return conversation.read(entries(list(value), path)), conversation.found


def own_state(text: str) -> OpaqueState:
    """The state that a caller sent back."""
    return opaque.unwrapped(text, NAME)


class _Conversation:
    def __init__(self, *, stateful: bool) -> None:
        self._items = ItemReader(own_state, answered=False)
        self._messages: list[Message] = []
        self._said: list[AnyPart] = []
        self._calls: set[str] = set()
        self._stateful = stateful
        self.found: list[Tool] = []
        """The tools that searches have found, or items have brought."""

    def read(self, items: Iterable[tuple[str, Any]]) -> tuple[Message, ...]:
        """The messages."""
        for path, value in items:
            fields = Fields(value, path)
            self._item(fields, fields.text("type") if fields.rest.get("type") is not None else "message", value)
        self._close()
        return tuple(self._messages)

    def _item(self, fields: Fields, kind: str | None, value: Any) -> None:
        if kind == "message":
            check_notes(fields.rest.get("content"), fields.path("content"))
        if kind == COMPACTION and (text := summary_of(fields)) is not None:
            self._add(summary_message(text))
        elif kind in OUTPUTS:
            self._add(Message("tool", (self._result(fields, kind),)))
        elif kind == OUTPUT and is_of_callers(fields) and (result := self._found(fields)) is not None:
            self._add(Message("tool", (result,)))
        elif kind == "message" and (role := fields.text("role")) != "assistant":
            self._add(_message(fields, role))
        elif kind == "message" or kind in SAID_BY_MODEL or (kind or "").endswith(("_call", "_request")):
            whole = Fields(value | {"type": kind}, fields.path("")[:-1])
            parts = [part for _, part in self._items.read(whole)]
            if self._said and parts and belongs(parts[0], self._said[-1]):
                self._close()  # two messages without ids would be taken for one
            for part in parts:
                self._part(part)
        elif kind == MORE_TOOLS:
            message, tools = decode_more_tools(fields, dict(value))
            self.found += tools
            self._add(message)
        elif kind == AGENT_MESSAGE and (written := decode_agent_message(dict(value))) is not None:
            self._add(written)
        else:
            self._stateful = self._stateful or kind == "item_reference"
            self._add(Message("user", (unknown(dict(value)),)))

    def _part(self, part: AnyPart) -> None:
        if isinstance(part, ToolCall):
            self._calls.add(part.id)
        state = part.opaque
        if state is not None and state.protocol.endswith(LAST) and self._said:
            self._said[-1] = replace(self._said[-1], opaque=_plain(state))
            return
        if self._said and (before := self._said[-1].opaque) is not None and before.protocol.endswith(NEXT):
            self._said[-1] = replace(part, opaque=_plain(before))
            return
        self._said.append(part)

    def _result(self, fields: Fields, kind: str) -> ToolResult:
        call_id, item = fields.required_text("call_id"), fields.text("id")
        self._check_called(fields, call_id)
        parts = decode_content(fields, "output")
        for i, part in enumerate(parts):
            if isinstance(part, Refusal):
                raise refused(f"{fields.path('output')}[{i}].type", "expected a part of a result, got 'refusal'")
        rest = {name: value for name, value in fields.rest.items() if value is not None}
        form = "json" if kind == "function_call_output" else "text"
        return ToolResult(id=call_id, parts=parts, input_format=form, item=item, extra=to_extra(rest))  # type: ignore[arg-type]  # what results have

    def _found(self, fields: Fields) -> ToolResult | None:
        """The result of a search; None if not all that it found are tools of the caller."""
        call_id = fields.required_text("call_id")
        read = [tool for path, value in fields.items("tools") for tool in decode_listed(Fields(value, path))]
        tools = [found(tool, call_id) for tool in read if isinstance(tool, Tool)]
        if len(tools) < len(read):
            return None
        self._check_called(fields, call_id)
        self.found += tools
        item = fields.text("id")
        rest = {name: value for name, value in fields.rest.items() if value is not None and name != "execution"}
        return ToolResult(id=call_id, parts=(), item=item, extra=to_extra(rest) | MARK)

    def _check_called(self, fields: Fields, call_id: str) -> None:
        if call_id not in self._calls and not self._stateful:
            raise refused(fields.path("call_id"), f"no call before it has the id {cut(call_id, 70)!r}")

    def _add(self, message: Message) -> None:
        self._close()
        self._messages.append(message)

    def _close(self) -> None:
        if self._said:
            parts = tuple(replace(part, opaque=_plain(part.opaque)) if part.opaque else part for part in self._said)
            self._messages.append(Message("assistant", parts))
            self._said = []


def _plain(state: OpaqueState) -> OpaqueState:
    protocol = state.protocol.removesuffix(NEXT).removesuffix(LAST)
    return state if protocol == state.protocol else replace(state, protocol=protocol)


def _message(fields: Fields, role: str | None) -> Message:
    if role is None:
        raise wrong_type(fields.path("role"), "a string", None)
    known = ROLES.get(role)
    if known is None:
        names = ", ".join([*ROLES, "assistant"])
        raise refused(fields.path("role"), f"expected one of {names}, got {cut(role, 40)!r}")
    item = fields.text("id")
    parts = decode_content(fields, item=item)
    rest = {name: value for name, value in fields.rest.items() if value is not None}
    return Message(known, parts, extra=to_extra(rest))
