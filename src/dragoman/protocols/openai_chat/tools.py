"""Tools, the choice among them, and the form of the answer. Read and written."""

from collections.abc import Sequence
from typing import Any, Literal

from dragoman.protocols.json_fields import Fields, refused, wrong
from dragoman.protocols.openai_chat.extra import given_back, kept
from dragoman.types import ResponseFormat, Tool, ToolChoice

MODES: dict[str, Literal["auto", "none", "required"]] = {"auto": "auto", "none": "none", "required": "required"}


def decode_tools(fields: Fields) -> tuple[Tool, ...]:
    """The functions among `tools`; tools of other types are left in the fields' rest."""
    tools: list[Tool] = []
    foreign: list[Any] = []
    for path, value in fields.items("tools"):
        tool = Fields(value, path)
        if tool.required_text("type") == "function":
            tools.append(_tool(tool))
        else:
            foreign.append(value)
    if foreign:
        fields.rest["tools"] = foreign
    return tuple(tools)


def encode_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    return [_encode_tool(tool) for tool in tools]


def _tool(fields: Fields) -> Tool:
    return function_of(fields.fields("function"), fields.rest)


def function_of(function: Fields, around: dict[str, Any]) -> Tool:
    """The tool that a function is; `around`: further fields of the tool."""
    tool = Tool(
        name=function.required_text("name"),
        description=function.text("description"),
        parameters=function.object("parameters"),
        strict=function.boolean("strict"),
    )
    rest = around | ({"function": function.rest} if function.rest else {})
    return Tool(tool.name, tool.description, tool.parameters, tool.strict, kept(rest))


def _encode_tool(tool: Tool) -> dict[str, Any]:
    said = {"description": tool.description, "parameters": tool.parameters, "strict": tool.strict}
    function = {"name": tool.name} | {name: value for name, value in said.items() if value is not None}
    return given_back({"type": "function", "function": function}, tool.extra)


def decode_choice(fields: Fields) -> ToolChoice | None:
    """`auto`, `none`, `required`, or the one function; a choice of another form is left in the fields' rest."""
    choice, path = fields.any("tool_choice"), fields.path("tool_choice")
    if choice is None:
        return None
    if isinstance(choice, str):
        if mode := MODES.get(choice):
            return ToolChoice(mode)
        raise refused(path, f"expected one of {', '.join(MODES)}, or an object")
    if not isinstance(choice, dict):
        raise wrong(path, "a string or an object", choice)
    said = Fields(choice, path)
    if said.required_text("type") == "function":
        return ToolChoice("tool", said.fields("function").required_text("name"))
    fields.rest["tool_choice"] = choice
    return None


def encode_choice(choice: ToolChoice) -> str | dict[str, Any]:
    return {"type": "function", "function": {"name": choice.name}} if choice.mode == "tool" else choice.mode


def decode_format(fields: Fields) -> ResponseFormat | None:
    """The form of the answer; one without a canonical name, or with further fields, is left in the fields' rest."""
    value = fields.any("response_format")
    if value is None:
        return None
    said = Fields(value, fields.path("response_format"))
    match said.required_text("type"):
        case "text":
            form = ResponseFormat("text")
        case "json_object":
            form = ResponseFormat("json_object")
        case "json_schema":
            schema = said.fields("json_schema")
            form = ResponseFormat(
                "json_schema",
                name=schema.required_text("name"),
                schema=schema.object("schema"),
                description=schema.text("description"),
                strict=schema.boolean("strict"),
            )
            if schema.rest:
                said.rest["json_schema"] = schema.rest
        case _:
            fields.rest["response_format"] = value
            return None
    if said.rest:
        fields.rest["response_format"] = said.rest
    return form


def encode_format(form: ResponseFormat) -> dict[str, Any]:
    if form.kind != "json_schema":
        return {"type": form.kind}
    said = {
        "name": form.name or "answer",
        "schema": form.schema,
        "description": form.description,
        "strict": form.strict,
    }
    return {"type": "json_schema", "json_schema": {name: value for name, value in said.items() if value is not None}}
