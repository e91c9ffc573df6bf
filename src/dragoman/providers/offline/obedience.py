"""What a request demands of an offline model besides words: calls of tools, and answers in JSON.

A tool is called if `tool_choice` demands it, or if the last user message plainly asks for it: it has the tool's name,
or all words of that name that have four letters or more (`get_weather` and "the weather"), or "the tool" if there is
only one. After a tool's result nothing is called that is only asked for. Arguments fit the tool's schema: see `forms`.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from dragoman.error_words import nearest
from dragoman.errors import InvalidRequestError
from dragoman.providers.offline.directives import CallTool, Directive
from dragoman.providers.offline.forms import MAX_READ, Hints, NoValueError, fitting_value, schema_in
from dragoman.providers.offline.turns import called, calls_before, last_question, results, rounds
from dragoman.types import ChatRequest, Tool, ToolCall, ToolChoice

MIN_WORD = 4
"""Letters of a word of a tool's name by which the tool is known: verbs such as `get` and `run` say too little."""

ANSWER = "answer"
"""The key of the answer's text, if any JSON object is wanted and the message names no keys."""

_AUTO = ToolChoice("auto")
_WORD = re.compile(r"[^\W_]+")
_PIECE = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")
_ANY_TOOL = re.compile(r"\b(?:the|a|your|this|any) (?:tool|function)\b", re.IGNORECASE)
_KEY = re.compile(r"[A-Za-z_]\w{0,63}")


def tool_calls(request: ChatRequest) -> list[Directive]:
    """The calls that the request demands. Raises InvalidRequestError if arguments cannot be made."""
    message = last_question(request)
    first = calls_before(request) + 1
    return [
        CallTool(
            ToolCall(id=f"call_{i}", name=tool.name, input_format=tool.input_format, namespace=tool.namespace),
            _arguments(tool, message),
        )
        for i, tool in enumerate(_wanted(request, message), first)
    ]


def formed(request: ChatRequest, text: str) -> str:
    """`text`, or the JSON that the request wants in its place. Raises InvalidRequestError if none fits the schema."""
    wanted = request.response_format
    if wanted is None or wanted.kind == "text":
        return text
    told = (results(request),) if rounds(request) else ()
    hints = Hints(last_question(request), [each for each in told if each])
    schema: Any = True if wanted.schema is None else wanted.schema
    if wanted.kind == "json_object":
        schema = _told_schema(request)
        if schema is None:
            keys = [each for each in hints.quoted if _KEY.fullmatch(each)]
            return _json({key: key for key in keys} or {ANSWER: text})
    return _json(_by_schema(schema, hints))


def _told_schema(request: ChatRequest) -> dict[str, Any] | None:
    """The last JSON Schema of an object that stands in the text of a message: some programs only tell it."""
    for message in reversed(request.messages):
        if message.role != "assistant" and (found := schema_in(message.text)) is not None:
            return found
    return None


def _by_schema(schema: Any, hints: Hints) -> Any:
    try:
        return fitting_value(schema, hints)
    except NoValueError as exc:
        raise InvalidRequestError(
            f"response_format: expected a schema that an offline model can fill, but {exc}"
        ) from exc


def _wanted(request: ChatRequest, message: str) -> Sequence[Tool]:
    choice = request.tool_choice or _AUTO
    tools = [tool for tool in request.tools if isinstance(tool, Tool)]
    if choice.names:
        tools = [tool for tool in tools if tool.name in choice.names]
    match choice.mode:
        case "none":
            return ()
        case "tool":
            return () if choice.hosted is not None else (_named(tools, choice.name or ""),)
        case "required":
            done = called(request)
            new = [tool for tool in tools if tool.name not in done]
            found = _asked_for(new, message) or new[:1] or tools[:1]
        case _:
            found = [] if rounds(request) else _asked_for(tools, message)
    return found[:1] if request.parallel_tool_calls is False else found


def _named(tools: Sequence[Tool], name: str) -> Tool:
    for tool in tools:
        if tool.name == name:
            return tool
    names = [tool.name for tool in tools]
    raise InvalidRequestError(
        f"tool_choice: expected one of the tools, got {name!r}{nearest(name, names)}", param="tool_choice"
    )


def _asked_for(tools: Sequence[Tool], message: str) -> list[Tool]:
    """The tools that the message names; or else those whose words it has; or else the only one, if it says so."""
    message = message[-MAX_READ:]
    if named := [tool for tool in tools if re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", message, re.IGNORECASE)]:
        return named
    words = {word.lower() for word in _WORD.findall(message)}
    if known := [tool for tool in tools if (own := _words(tool.name)) and own <= words]:
        return known
    return list(tools) if len(tools) == 1 and _ANY_TOOL.search(message) else []


def _words(name: str) -> set[str]:
    return {word.lower() for word in _PIECE.findall(name) if len(word) >= MIN_WORD}


def _arguments(tool: Tool, message: str) -> str:
    hints = Hints(message)
    if tool.input_format == "text":
        return hints.quoted[0] if hints.quoted else message
    try:
        return _json(fitting_value(tool.parameters or {}, hints, "object"))
    except NoValueError as exc:
        raise InvalidRequestError(
            f"tools: expected parameters of {tool.name!r} that an offline model can fill, but {exc}", param="tools"
        ) from exc


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
