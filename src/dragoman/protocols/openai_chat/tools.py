"""Tools, the choice among them, and the form of the answer. Read and written."""

from collections.abc import Collection, Sequence
from typing import Any, Literal, assert_never

from msgspec.structs import replace

from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.openai_chat.controls import CONTROL, IN_FUNCTION, noted, returned, taken
from dragoman.protocols.openai_chat.extra import NAME, to_extra, with_extra
from dragoman.protocols.openai_chat.variant import Variant
from dragoman.protocols.tools.freeform import freeform_names
from dragoman.types import AnyTool, HostedTool, ResponseFormat, Tool, ToolChoice, UnknownTool

MODES: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",
}
"""`any` is what Mistral's clients say: mistralai/client-python `ToolChoiceEnum`, vercel/ai `packages/mistral`."""


WEB_SEARCH = "web_search_options"
"""The field that switches web search on: this protocol has no other hosted tool."""


def decode_tools(fields: Fields) -> tuple[AnyTool, ...]:
    """The tools, and web search last, because it stands in a field of its own."""
    tools: list[AnyTool] = []
    for path, value in fields.items("tools"):
        tool = Fields(value, path)
        # Mistral's and Hugging Face's own clients leave the type of a function out.
        match tool.text("type") or ("function" if "function" in tool.rest else tool.required_text("type")):
            case "function":
                tools.append(_tool(tool))
            case "custom":
                tools.append(_custom(tool))
            case _:
                tools.append(UnknownTool(NAME, value))
    if fields.rest.get(WEB_SEARCH) is not None:
        tools.append(_web_search(fields.fields(WEB_SEARCH)))
    return tuple(tools)


def encode_tools(tools: Sequence[AnyTool], *, strict: bool = True) -> list[dict[str, Any]]:
    """The tools, without web search; those that only other protocols know are left out.

    `strict`: whether they may have that field.
    """
    return [body for tool in tools if (body := _encode_tool(tool, strict=strict)) is not None]


def encode_web_search(tools: Sequence[AnyTool]) -> dict[str, Any] | None:
    """The field that switches web search on; None if no tool is that."""
    for tool in tools:
        if isinstance(tool, HostedTool) and tool.tool == "web_search":
            where = None if tool.location is None else {"type": "approximate", "approximate": tool.location}
            said = without_none({"search_context_size": tool.context_size, "user_location": where})
            return with_extra(said, tool.extra)
    return None


def _web_search(fields: Fields) -> HostedTool:
    size = fields.text("search_context_size")
    place: dict[str, str] | None = None
    match fields.rest.get("user_location"):
        case {"type": "approximate", "approximate": dict(where)} if all(
            isinstance(each, str) for each in where.values()
        ):
            place = where
            fields.any("user_location")
    return HostedTool(tool="web_search", context_size=size, location=place, extra=to_extra(fields.rest))


def _custom(fields: Fields) -> Tool:
    custom = fields.fields("custom")
    name, description = custom.required_text("name"), custom.text("description")
    grammar: tuple[Literal["lark", "regex"], str] | None = None
    match custom.rest.get("format"):
        case {"type": "grammar", "grammar": {"syntax": "lark" | "regex" as kind, "definition": str(definition)}}:
            grammar = (kind, definition)
            custom.any("format")
        case {"type": "text"}:
            custom.any("format")
    cache, note = taken(fields)
    rest = fields.rest | ({"custom": custom.rest} if custom.rest else {})
    extra = noted(to_extra(rest), note)
    return Tool(name, description, input_format="text", grammar=grammar, cache=cache, extra=extra)


def _tool(fields: Fields) -> Tool:
    cache, note = taken(fields)
    tool = function_of(fields.fields("function"), fields.rest)
    return tool if cache is None else replace(tool, cache=cache, extra=noted(tool.extra, note))


def function_of(function: Fields, around: dict[str, Any]) -> Tool:
    """The tool that a function is; `around`: further fields of the tool."""
    cache, note = taken(function)
    tool = Tool(
        name=function.required_text("name"),
        description=function.text("description"),
        parameters=function.object("parameters"),
        strict=function.boolean("strict"),
        cache=cache,
    )
    rest = around | ({"function": function.rest} if function.rest else {})
    notes = {IN_FUNCTION: note[CONTROL]} if note else {}
    return replace(tool, extra=noted(to_extra(rest), notes))


def _encode_tool(tool: AnyTool, *, strict: bool) -> dict[str, Any] | None:
    match tool:
        case UnknownTool(protocol=protocol, data=data):
            known: dict[str, Any] | None = data if protocol == NAME else None
            return known
        case HostedTool():
            return None
        case Tool(input_format="text"):
            form: dict[str, Any] | None = None
            if tool.grammar is not None:
                kind, definition = tool.grammar
                form = {"type": "grammar", "grammar": {"syntax": kind, "definition": definition}}
            custom = without_none({"name": tool.name, "description": tool.description, "format": form})
            return with_extra({"type": "custom", "custom": custom} | returned(tool.extra), tool.extra)
        case Tool():
            exact = tool.strict if strict else None
            said = {"description": tool.description, "parameters": tool.parameters, "strict": exact}
            function = {"name": tool.name} | without_none(said) | returned(tool.extra, IN_FUNCTION)
            return with_extra({"type": "function", "function": function} | returned(tool.extra), tool.extra)
        case _:
            assert_never(tool)


def decode_choice(fields: Fields) -> ToolChoice | None:
    """The choice; one of an unknown form is left in the fields' rest."""
    choice, path = fields.any("tool_choice"), fields.path("tool_choice")
    if choice is None:
        return None
    if isinstance(choice, str):
        if mode := MODES.get(choice):
            return ToolChoice(mode)
        raise refused(path, f"expected one of {', '.join(MODES)}, or an object")
    if not isinstance(choice, dict):
        raise wrong_type(path, "a string or an object", choice)
    said = Fields(choice, path)
    match said.text("type") or ("function" if "function" in said.rest else said.required_text("type")):
        case "function" | "custom" as kind:
            chosen = said.fields(kind)
            choice = ToolChoice("tool", chosen.required_text("name"))
            if more := said.rest | ({kind: chosen.rest} if chosen.rest else {}):
                fields.rest["tool_choice"] = more
            return choice
        case "allowed_tools":
            if (found := _allowed(said.fields("allowed_tools"))) is not None:
                return found
    fields.rest["tool_choice"] = choice
    return None


def _allowed(fields: Fields) -> ToolChoice | None:
    """The choice among some of the tools; None if one of them is in an unknown form."""
    names: list[str] = []
    for _, value in fields.items("tools"):
        match value:
            case {"type": "function", "function": {"name": str(name)}} | {
                "type": "custom",
                "custom": {"name": str(name)},
            }:
                names.append(name)
            case _:
                return None
    mode = MODES.get(fields.text("mode") or "")
    return None if mode is None or not names else ToolChoice(mode, names=tuple(names))


def encode_choice(choice: ToolChoice, tools: Sequence[AnyTool]) -> str | dict[str, Any] | None:
    """The choice on the wire; None if it names a hosted tool, which nothing here can say."""
    if choice.hosted is not None:
        return None
    freeform = freeform_names(tools)
    if choice.mode == "tool":
        return _reference(choice.name or "", freeform)
    if choice.names and choice.mode != "none":
        allowed = [_reference(name, freeform) for name in choice.names]
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": allowed}}
    return choice.mode


def _reference(name: str, freeform: Collection[str]) -> dict[str, Any]:
    kind = "custom" if name in freeform else "function"
    return {"type": kind, kind: {"name": name}}


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
    return replace(form, extra=to_extra(said.rest)) if said.rest else form


def encode_format(form: ResponseFormat, variant: Variant) -> dict[str, Any]:
    """The form on the wire, or the nearest one that the service takes."""
    if form.kind == "json_schema" and not variant.json_schema:
        form = ResponseFormat("json_object")
    elif form.kind == "json_object" and not variant.json_object:
        form = ResponseFormat("json_schema", schema={"type": "object"}, extra=form.extra)
    if form.kind != "json_schema":
        return with_extra({"type": form.kind}, form.extra)
    said = {"schema": form.schema, "description": form.description, "strict": form.strict}
    schema = {"name": form.name or "answer"} | without_none(said)
    return with_extra({"type": "json_schema", "json_schema": schema}, form.extra)
