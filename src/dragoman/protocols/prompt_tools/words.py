"""A request with tools, calls and results as text. Knows no protocol."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from dragoman.protocols.prompt_tools.blocks import CALL, raw_object
from dragoman.protocols.tools.freeform import FIELD, as_function
from dragoman.types import AnyPart, ChatRequest, Message, Text, Tool, ToolCall, ToolChoice, ToolResult, system
from dragoman.wire import javascript

RESULT = "tool_result"
"""The name of the block that holds a result."""

INSTRUCTIONS = f"""\
You can use tools. To call one, write a block of exactly this form, with nothing else on its lines:

```{CALL}
{{"name": "NAME OF THE TOOL", "arguments": {{"PARAMETER": "VALUE"}}}}
```

`arguments` is a JSON object that matches the tool's `parameters`, which are a JSON Schema. Write one block for each \
call, then end your answer. The results come in the next message, as blocks `{RESULT}`, which only the user writes. An \
`id` says which result belongs to which call; leave it out of your own calls. If you need no tool, answer in plain text.

"""


def in_words(request: ChatRequest) -> ChatRequest:
    """`request` without tools, calls and results: they are text."""
    names = {part.id: part.name for message in request.messages for part in message.parts if isinstance(part, ToolCall)}
    messages: list[Message] = []
    answering = False
    for message in request.messages:
        parts = tuple(_parts(message, names))
        if message.role != "tool":
            messages.append(replace(message, parts=parts))
        elif answering:
            # The results of one turn are one message, so that turns still alternate.
            before = messages[-1]
            messages[-1] = replace(before, parts=(*before.parts, Text(text="\n"), *parts))
        else:
            messages.append(replace(message, role="user", parts=parts))
        answering = message.role == "tool"
    if tools := functions(request):
        messages.insert(0, system(_instructions(tools, request)))
    return replace(request, messages=tuple(messages), tools=(), tool_choice=None, parallel_tool_calls=None)


def functions(request: ChatRequest) -> list[Tool]:
    """The tools that can be told."""
    return [tool for tool in request.tools if isinstance(tool, Tool)]


def offered(request: ChatRequest) -> dict[str, Tool]:
    """The tools that the answer may call, by their names."""
    choice = request.tool_choice or ToolChoice("auto")
    if choice.mode == "none":
        return {}
    names = choice.names or ((choice.name,) if choice.mode == "tool" and choice.name else ())
    return {tool.name: tool for tool in functions(request) if not names or tool.name in names}


def _instructions(tools: Sequence[Tool], request: ChatRequest) -> str:
    lines = [_told(as_function(tool)) for tool in tools]
    told = "\n".join(["The tools, one a line:", *lines])
    return "\n\n".join([INSTRUCTIONS + told, *_rules(request, sorted(offered(request)))])


def _told(tool: Tool) -> str:
    fields = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return _json({name: value for name, value in fields.items() if value is not None})


def _rules(request: ChatRequest, offered: Sequence[str]) -> Iterator[str]:
    """What the caller demands of the choice among the tools."""
    choice = request.tool_choice or ToolChoice("auto")
    if choice.mode == "none":
        yield "Do not call any tool in this answer."
    elif choice.forces:
        yield f"You must call at least one tool in this answer, of these: {', '.join(offered)}."
    elif choice.names:
        yield f"In this answer you may call only: {', '.join(offered)}."
    if request.parallel_tool_calls is False:
        yield "Call at most one tool in this answer."


def _parts(message: Message, names: dict[str, str]) -> Iterator[AnyPart]:
    """The parts of `message`, in which each call and each result is a text of its own lines."""
    before = "\n"
    in_block = False
    for part in message.parts:
        match part:
            case ToolCall() | ToolResult():
                text = _block(part, names)
                new: AnyPart = Text(text=text if before.endswith("\n") else f"\n{text}")
            case Text(text=text) if in_block and text and not text.startswith("\n"):
                new = replace(part, text=f"\n{text}")
            case _:
                new = part
        if isinstance(new, Text) and new.text:
            before, in_block = new.text, isinstance(part, ToolCall | ToolResult)
        yield new


def _block(part: ToolCall | ToolResult, names: dict[str, str]) -> str:
    fields: dict[str, Any]
    if isinstance(part, ToolCall):
        given = {FIELD: part.arguments} if part.input_format == "text" else raw_object(part.arguments)
        fields = {"name": part.name, "id": part.id, "arguments": part.arguments if given is None else given}
        return f"```{CALL}\n{_json(fields)}\n```"
    text = "".join(inner.text for inner in part.parts if isinstance(inner, Text))
    fields = {"name": part.name or names.get(part.id), "id": part.id, "content": text}
    if part.is_error:
        fields["is_error"] = True
    return f"```{RESULT}\n{_json({name: value for name, value in fields.items() if value is not None})}\n```"


def _json(value: Any) -> str:
    return javascript.stringify(value).decode()
