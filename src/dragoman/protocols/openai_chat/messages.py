"""Messages of this protocol to canonical ones, and back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from dragoman.error_words import cut
from dragoman.protocols.json_fields import Fields, entries, refused, wrong_type
from dragoman.protocols.openai_chat.content import decode_content, encode_content
from dragoman.protocols.openai_chat.controls import noted, returned, taken, with_breakpoint
from dragoman.protocols.openai_chat.extra import to_extra, with_extra
from dragoman.protocols.openai_chat.reasoning_details import FIELD as REASONING_DETAILS
from dragoman.protocols.openai_chat.reasoning_details import decode_details, list_of, state_of
from dragoman.protocols.openai_chat.thinking_parts import encode_thinking, with_reasoning
from dragoman.protocols.openai_chat.variant import USUAL, Variant
from dragoman.protocols.openai_shared.cache import WRITERS
from dragoman.protocols.tools.no_arguments import with_arguments
from dragoman.types import (
    AnyPart,
    Audio,
    File,
    Image,
    Message,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)

CUSTOM = "custom"
"""The type of a freeform tool and of its calls."""

# The helper of OpenAI's client for streams leaves `parsed`, `index` and `parsed_arguments` in a message, and programs
# send the message back so (openai 3.57, 2026-11-25). The service does not have these fields: they are taken off.


def decode_messages(messages: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    """The conversation. Raises InvalidRequestError that names the field, as `messages[2].content`."""
    return tuple(_message(Fields(value, path)) for path, value in entries(list(messages), "messages"))


def encode_messages(
    messages: Sequence[Message], variant: Variant = USUAL, missing: str | None = None
) -> list[dict[str, Any]]:
    """The conversation on the wire, for a service that differs from others as `variant` says.

    `missing`: the reasoning of an assistant's message that has none.
    """
    out: list[dict[str, Any]] = []
    for i, message in enumerate(messages):
        results = [part for part in message.parts if type(part) is ToolResult]
        others = [part for part in message.parts if type(part) is not ToolResult]
        if others and message.role == "tool":
            raise refused(f"messages[{i}]", "expected only results in a tool's turn")
        if message.role != "assistant" and any(type(part) is ToolCall for part in others):
            raise refused(f"messages[{i}]", "expected tool calls only in an assistant's turn")
        out += [_result(part, message, variant) for part in results]
        if others or not results:
            out.append(_turn(message, others, variant, missing))
    return out


def written(part: AnyPart) -> object:
    """A part alone. Raises InvalidRequestError."""
    return encode_content(part.parts if type(part) is ToolResult else (part,))


def is_beginning(messages: Sequence[Message]) -> bool:
    """Whether the last turn is the beginning of the answer."""
    if not messages or messages[-1].role != "assistant":
        return False
    kinds = set(map(type, messages[-1].parts))
    return Text in kinds and kinds <= {Text, Reasoning}


def _message(fields: Fields) -> Message:
    role = fields.required_text("role")
    read = READERS.get(role)
    if read is None:
        raise refused(fields.path("role"), f"expected one of {', '.join(READERS)}, got {cut(role, 40)!r}")
    breakpoint, note = taken(fields)
    message = read(fields)
    return message if breakpoint is None else with_breakpoint(message, breakpoint, note)


def _speaks(role: Role) -> Callable[[Fields], Message]:
    def read(fields: Fields) -> Message:
        name, parts = fields.text("name"), decode_content(fields)
        if not parts:
            raise wrong_type(fields.path("content"), "a string or a list of parts", None)
        return Message(role, parts, name, to_extra(fields.rest))

    return read


def _assistant(fields: Fields) -> Message:
    name = fields.text("name")
    # Two names of the same field; a service that sends both repeats itself.
    contents, plain = fields.text("reasoning_content"), fields.text("reasoning")
    parts: list[AnyPart] = [Reasoning(text=thought)] if (thought := contents or plain) else []
    parts += with_reasoning(decode_content(fields), fields.path("content"))
    if refusal := fields.text("refusal"):
        parts.append(Refusal(text=refusal))
    parts += [_call(Fields(value, path)) for path, value in fields.items("tool_calls")]
    if isinstance(details := fields.rest.get(REASONING_DETAILS), list):
        parts, rest = decode_details(details, parts)
        fields.any(REASONING_DETAILS)
        if rest:
            parts.insert(0, Reasoning(text="", form="redacted", opaque=state_of(rest, None)))
    if fields.rest.get("function_call") is not None:
        old = fields.fields("function_call")
        called = old.required_text("name")
        parts.append(ToolCall(id=f"call_{called}", name=called, arguments=old.text("arguments") or ""))
    fields.any("parsed")
    return Message("assistant", tuple(parts), name, to_extra(fields.rest))


def _call(fields: Fields) -> ToolCall:
    call_id = fields.required_text("id")
    kind = fields.text("type")
    fields.any("index")
    cache, note = taken(fields)
    if kind == CUSTOM:
        custom = fields.fields(CUSTOM)
        name, text = custom.required_text("name"), custom.text("input") or ""
        rest = fields.rest | ({CUSTOM: custom.rest} if custom.rest else {})
        extra = noted(to_extra(rest), note)
        return ToolCall(id=call_id, name=name, arguments=text, input_format="text", cache=cache, extra=extra)
    if kind not in {None, "function"}:
        raise refused(fields.path("type"), f"expected 'function' or '{CUSTOM}', got {cut(str(kind), 40)!r}")
    function = fields.fields("function")
    name, arguments = function.required_text("name"), function.text("arguments") or ""
    function.any("parsed_arguments")
    rest = fields.rest | ({"function": function.rest} if function.rest else {})
    return ToolCall(id=call_id, name=name, arguments=arguments, cache=cache, extra=noted(to_extra(rest), note))


def _tool(fields: Fields) -> Message:
    return _answered(fields, fields.required_text("tool_call_id"), fields.text("name"))


def _function(fields: Fields) -> Message:
    name = fields.required_text("name")
    return _answered(fields, f"call_{name}", name)


def _answered(fields: Fields, call_id: str, name: str | None) -> Message:
    parts: list[Text | Image | Audio | File | Unknown] = []
    for i, part in enumerate(decode_content(fields)):
        if not isinstance(part, Text | Image | Audio | File | Unknown):
            raise refused(f"{fields.path('content')}[{i}].type", "expected no refusal in what a tool gave")
        parts.append(part)
    return Message("tool", (ToolResult(id=call_id, parts=tuple(parts), name=name),), extra=to_extra(fields.rest))


READERS: dict[str, Callable[[Fields], Message]] = {
    "system": _speaks("system"),
    "developer": _speaks("developer"),
    "user": _speaks("user"),
    "assistant": _assistant,
    "tool": _tool,
    "function": _function,
}
"""`function` was the role of results before there were tools."""


def _result(result: ToolResult, message: Message, variant: Variant) -> dict[str, Any]:
    body: dict[str, Any] = {"role": "tool", "tool_call_id": result.id}
    if result.name is not None and variant.message_names:
        body["name"] = result.name
    body["content"] = encode_content(result.parts, WRITERS[variant.breakpoints]) or ""
    around = message.extra if message.role == "tool" else {}
    return with_extra(with_extra(body | returned(around), result.extra), around)


def _turn(message: Message, parts: Sequence[AnyPart], variant: Variant, missing: str | None) -> dict[str, Any]:
    role = "system" if message.role == "developer" and not variant.developer_role else message.role
    body: dict[str, Any] = {"role": role}
    if message.name is not None and variant.message_names:
        body["name"] = message.name
    content = [part for part in parts if not isinstance(part, Reasoning | ToolCall)]
    calls = [encode_call(with_arguments(part)) for part in parts if type(part) is ToolCall]
    match content:
        case [Refusal(text=text, extra=extra)] if message.role == "assistant" and not extra:
            body |= {"content": None, "refusal": text}
        case []:
            body["content"] = None if calls else ""
        case _:
            body["content"] = encode_content(content, WRITERS[variant.breakpoints]) or ""
    if variant.thinking_parts:
        thinking = [part for part in parts if type(part) is Reasoning]
        if any(map(encode_thinking, thinking)):
            body["content"] = list(_thought_and_said(thinking if "refusal" in body else parts, variant))
        parts = content
    thoughts = [part.text for part in parts if type(part) is Reasoning and list_of((part,)) is None]
    if (details := list_of(parts)) is not None:
        body[REASONING_DETAILS] = details
    if any(thoughts):
        body[variant.reasoning_field] = "".join(thoughts)
    elif missing is not None and message.role == "assistant":
        body[variant.reasoning_field] = missing
    if calls:
        body["tool_calls"] = calls
    return with_extra(body | returned(message.extra), message.extra)


def _thought_and_said(parts: Sequence[AnyPart], variant: Variant) -> Iterator[dict[str, Any]]:
    for part in parts:
        if type(part) is Reasoning:
            if (thought := encode_thinking(part)) is not None:
                yield thought
            continue
        said = encode_content((part,), WRITERS[variant.breakpoints])
        if isinstance(said, str):
            yield {"type": "text", "text": said}
        else:
            yield from said


def encode_call(call: ToolCall) -> dict[str, Any]:
    """A call in a message."""
    if call.input_format == "text":
        said = {"name": call.name, "input": call.arguments}
        return with_extra({"id": call.id, "type": CUSTOM, CUSTOM: said} | returned(call.extra), call.extra)
    function = {"name": call.name, "arguments": call.arguments}
    return with_extra({"id": call.id, "type": "function", "function": function} | returned(call.extra), call.extra)
