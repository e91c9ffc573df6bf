"""The items of a request to messages, and back.

What the model said (reasoning, messages, calls, uses of the service's tools) comes as one item after another:
neighbours become one message, and `Part.item` keeps them apart. What a tool of the caller gave is a message of its own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from dragoman.errors import cut
from dragoman.protocols import opaque
from dragoman.protocols.compaction import summary_message
from dragoman.protocols.json_fields import Fields, entries, refused, wrong_type
from dragoman.protocols.openai_responses.compaction import COMPACTION, summary_of
from dragoman.protocols.openai_responses.content import decode_content, encode_content, is_content
from dragoman.protocols.openai_responses.extra import ITEM, MESSAGE, NAME, to_extra, with_extra
from dragoman.protocols.openai_responses.hosted import encode_call
from dragoman.protocols.openai_responses.item_ids import IS_MADE, OWN_IDS
from dragoman.protocols.openai_responses.items import ItemReader, unknown
from dragoman.protocols.openai_responses.tool_search import BY_CALLER, OUTPUT, is_of_callers, search_item
from dragoman.protocols.openai_responses.tools import decode_listed, encode_listed
from dragoman.protocols.tools.search import MARK, found, found_by, is_search
from dragoman.types import (
    AnyPart,
    AnyTool,
    Audio,
    HostedCall,
    Image,
    Message,
    OpaqueState,
    Reasoning,
    Refusal,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Unknown,
)

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
        """The tools that searches have found."""

    def read(self, items: Iterable[tuple[str, Any]]) -> tuple[Message, ...]:
        """The messages."""
        for path, value in items:
            fields = Fields(value, path)
            self._item(fields, fields.text("type") if fields.rest.get("type") is not None else "message", value)
        self._close()
        return tuple(self._messages)

    def _item(self, fields: Fields, kind: str | None, value: Any) -> None:
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


# Back.


class Sayable(Struct, frozen=True):
    """What a service of this protocol can be told of earlier answers."""

    origin: str | None
    """Whose opaque state it can read."""
    plain_reasoning: bool = False
    """Whether it takes reasoning back without state."""
    own_ids: bool = False
    """Whether it refuses ids in another form than its own."""

    def left_out(self, message: Message) -> Iterator[int]:
        """The numbers of the parts that it cannot be told."""
        if message.role != "assistant":
            yield from (i for i, part in enumerate(message.parts) if isinstance(part, Reasoning | HostedCall))
            return
        groups = {part.item or i: part for i, part in enumerate(message.parts) if isinstance(part, Reasoning)}
        refused = {
            part.item or i: True
            for i, part in enumerate(message.parts)
            if isinstance(part, Reasoning) and part.opaque is not None and not self._reads(part.opaque)
        }
        proved = {part.item or i for i, part in enumerate(message.parts) if part.opaque is not None}
        for i, part in enumerate(message.parts):
            match part:
                case Reasoning(item=item):
                    key = item or i
                    known = key in proved or self.id_of(item) is not None or (self.plain_reasoning and bool(part.text))
                    if key in refused or not (key in groups and known):
                        yield i
                case HostedCall() | Image() if ITEM not in part.extra.get(NAME, {}):
                    yield i
                case _ if not _is_said(part):
                    yield i

    def id_of(self, item: str | None) -> str | None:
        """The id of an item, if the service knows it."""
        if item is None or IS_MADE.match(item) or (self.own_ids and not OWN_IDS.match(item)):
            return None
        return item

    def _reads(self, state: OpaqueState) -> bool:
        return opaque.is_own(state, NAME, self.origin)


def _is_said(part: AnyPart) -> bool:
    if isinstance(part, Unknown):
        return part.protocol == NAME
    return is_content(part) or isinstance(part, Reasoning | ToolCall | HostedCall | Image | ToolResult)


def encode_input(messages: Sequence[Message], tools: Sequence[AnyTool], sayable: Sayable) -> list[dict[str, Any]]:
    """The items of a conversation. `tools`: those of the request, of which searches may have found some."""
    forms: dict[str, str] = {}  # of the calls so far: some services use an id again in a later turn
    out: list[dict[str, Any]] = []
    for i, message in enumerate(messages):
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


def encode_said(parts: Iterable[AnyPart], id_of: Callable[[str | None], str | None]) -> list[dict[str, Any]]:
    """The items of what the model said."""
    out: list[dict[str, Any]] = []
    group: list[AnyPart] = []
    for part in parts:
        if group and not belongs(part, group[-1]):
            out.append(_said(group, id_of))
            group = []
        group.append(part)
    if group:
        out.append(_said(group, id_of))
    return out


def belongs(part: AnyPart, before: AnyPart) -> bool:
    """Whether `part` stands in the same item as the part before it."""
    if part.item != before.item:
        return False
    if isinstance(part, Reasoning):
        return isinstance(before, Reasoning) and part.item is not None and before.opaque is None
    return is_content(part) and is_content(before)


def _said(parts: Sequence[AnyPart], id_of: Callable[[str | None], str | None]) -> dict[str, Any]:
    first = parts[0]
    known = id_of(first.item)
    match first:
        case Reasoning():
            thoughts = [part for part in parts if isinstance(part, Reasoning)]
            return reasoning_item(_with_its_form(thoughts), known or first.item)
        case ToolCall():
            return call_item(first, known)
        case HostedCall():
            return encode_call(first)
        case Image(data=data):
            item: dict[str, Any] = first.extra.get(NAME, {}).get(ITEM, {})
            return {"type": "image_generation_call", **item, "result": data}
        case Unknown(data=data) if not is_content(first):
            found: dict[str, Any] = data
            return found
        case _:
            return _answer(parts, known)


def _with_its_form(thoughts: Sequence[Reasoning]) -> Sequence[Reasoning]:
    """Thoughts with state as a summary, if the caller's protocol has no items and so does not say what they were.

    OpenAI refuses an item of reasoning with `content`. musistudio/claude-code-router#1783, querymt/querymt#976.
    """
    proved = any(part.opaque is not None for part in thoughts)
    return [
        replace(part, form="summary") if proved and part.item is None and part.form == "full" else part
        for part in thoughts
    ]


def _answer(parts: Sequence[AnyPart], known: str | None) -> dict[str, Any]:
    fields, parts = around(parts)
    plain = known is None and all(isinstance(part, Text | Refusal) for part in parts)
    content = encode_content(parts, answered=True)
    if isinstance(content, str) and not plain:
        content = [{"type": "output_text", "text": content, "annotations": []}]
    body: dict[str, Any] = {"role": "assistant", "content": content}
    if known is not None:
        body = {"type": "message", "id": known, "status": "completed"} | body
    return body | fields


def around(parts: Sequence[AnyPart]) -> tuple[dict[str, Any], list[AnyPart]]:
    """The fields of the item that parts stand in, and the parts without them."""
    fields: dict[str, Any] = {}
    bare: list[AnyPart] = []
    for part in parts:
        own = part.extra.get(NAME, {})
        if any(name.startswith(MESSAGE) for name in own):
            fields |= {name.removeprefix(MESSAGE): value for name, value in own.items() if name.startswith(MESSAGE)}
            left = {name: value for name, value in own.items() if not name.startswith(MESSAGE)}
            extra = {name: said for name, said in part.extra.items() if name != NAME} | to_extra(left)
            bare.append(replace(part, extra=extra))
        else:
            bare.append(part)
    return fields, bare


def reasoning_item(
    parts: Sequence[Reasoning], known: str | None, secret: Callable[[OpaqueState], str] = attrgetter("data")
) -> dict[str, Any]:
    """An item of reasoning, with the state of its last part that has one; `secret`: the text for it."""
    fields, bare = around(parts)
    summary = [part for part in bare if isinstance(part, Reasoning) and part.form == "summary"]
    content = [part for part in bare if isinstance(part, Reasoning) and part.form == "full"]
    body: dict[str, Any] = {"type": "reasoning"}
    if known is not None:
        body["id"] = known
    body["summary"] = [with_extra({"type": "summary_text", "text": part.text}, part.extra) for part in summary]
    if content:
        body["content"] = [with_extra({"type": "reasoning_text", "text": part.text}, part.extra) for part in content]
    states = [part.opaque for part in parts if part.opaque is not None]
    if states:
        body["encrypted_content"] = secret(states[-1])
    return body | fields


def call_item(call: ToolCall, known: str | None) -> dict[str, Any]:
    """An item that asks for a tool of the caller."""
    if is_search(call):
        return search_item(call, known)
    freeform = call.input_format == "text"
    body: dict[str, Any] = {"type": "custom_tool_call" if freeform else "function_call"}
    if known is not None:
        body["id"] = known
    body |= {"call_id": call.id, "name": call.name, "input" if freeform else "arguments": call.arguments}
    if call.namespace is not None:
        body["namespace"] = call.namespace
    return with_extra(body, call.extra)
