"""Tools that a caller finds in the course of a conversation, when the model asks for them. Knows no protocol by name.

The search is a tool of the caller, and the tools that it found are its result: the model may call them from then on. A
protocol that has no such results gets the found tools beside the others, and the result as a list of them.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from dragoman.protocols.speech import OURS
from dragoman.types import AnyTool, ChatRequest, Extra, Message, Text, Tool, ToolCall, ToolResult

RESULTS = "tool_result.tools"
"""What a protocol with such results lists."""

SEARCHES, FOUND_BY = "searches", "found_by"
"""Fields under our own key of `extra`: of a search, its calls and results; of a tool, the id of the call."""

MARKS = frozenset({SEARCHES, FOUND_BY})

BY_NO_CALL = ""
"""In place of the id of a search, if a caller says by itself, in the course of a conversation, what else there is."""

MARK: Extra = {OURS: {SEARCHES: True}}

FOUND, NOTHING = "Found these tools, which can be called now:", "No tools were found."
"""How a result begins, in words."""


def is_search(value: Tool | ToolCall | ToolResult) -> bool:
    """Whether it is a search, a call of one, or its result."""
    return value.extra.get(OURS, {}).get(SEARCHES) is True


def found(tool: Tool, call: str) -> Tool:
    """`tool`, which the search of the id `call` has found; BY_NO_CALL: the caller has brought it."""
    return replace(tool, extra=tool.extra | {OURS: {**tool.extra.get(OURS, {}), FOUND_BY: call}})


def unmarked(extra: Extra) -> Extra:
    """`extra` of what belongs to no search; the same object if it does not."""
    ours = extra.get(OURS, {})
    if MARKS.isdisjoint(ours):
        return extra
    return extra | {OURS: {name: value for name, value in ours.items() if name not in MARKS}}


def found_by(tool: AnyTool) -> str | None:
    """The id of the search that found a tool; None if the request has it from the beginning."""
    call = tool.extra.get(OURS, {}).get(FOUND_BY) if isinstance(tool, Tool) else None
    return call if isinstance(call, str) else None


def all_found(tools: Iterable[AnyTool]) -> tuple[Tool, ...]:
    """Those of `tools` that searches have found."""
    return tuple(tool for tool in tools if isinstance(tool, Tool) and found_by(tool) is not None)


def with_found(tools: Sequence[AnyTool], earlier: Sequence[Tool]) -> tuple[AnyTool, ...]:
    """`tools` with those that were found `earlier` in the conversation: in the order in which each was said first."""
    declared = tuple(tool for tool in tools if found_by(tool) is None)
    return (*declared, *earlier, *all_found(tools))


def found_in_words(request: ChatRequest) -> ChatRequest:
    """`request` for a service without such results: each tool once, and what was found as a list of names."""
    if not any(OURS in tool.extra for tool in request.tools if isinstance(tool, Tool)):
        return request
    tools: list[AnyTool] = []
    lists: dict[str, list[str]] = {}
    seen = {(tool.namespace, tool.name) for tool in request.tools if isinstance(tool, Tool) and found_by(tool) is None}
    shown = {(tool.namespace, tool.name) for tool in all_found(request.tools) if found_by(tool) != BY_NO_CALL}
    for tool in request.tools:
        if isinstance(tool, Tool) and (call := found_by(tool)) is not None:
            if call != BY_NO_CALL:
                lists.setdefault(call, []).append(f"- {tool.name}")
            if (tool.namespace, tool.name) in seen:
                continue
            seen.add((tool.namespace, tool.name))
        if isinstance(tool, Tool) and tool.defer_loading and (tool.namespace, tool.name) in shown:
            tool = replace(tool, defer_loading=None)  # noqa: PLW2901  # it need not be found any more
        tools.append(tool)
    if not (lists or any(isinstance(tool, Tool) and is_search(tool) for tool in tools)):
        return request if len(tools) == len(request.tools) else replace(request, tools=tuple(tools))
    messages = tuple(_told(message, lists) for message in request.messages)
    return replace(request, tools=tuple(tools), messages=messages)


def _told(message: Message, lists: dict[str, list[str]]) -> Message:
    parts = tuple(
        replace(part, parts=(Text(text=_words(lists.get(part.id, []))),))
        if isinstance(part, ToolResult) and is_search(part)
        else part
        for part in message.parts
    )
    return replace(message, parts=parts)


def _words(lines: list[str]) -> str:
    return "\n".join([FOUND, *lines]) if lines else NOTHING
