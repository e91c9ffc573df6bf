"""Tools, the choice among them, and the form of the answer. Read and written."""

from collections.abc import Sequence
from typing import Any, Literal, assert_never

from msgspec.structs import replace

from dragoman.error_words import cut
from dragoman.protocols.anthropic.cache import decode_breakpoint, encode_breakpoint
from dragoman.protocols.anthropic.extra import NAME, note, noted, to_extra, with_extra
from dragoman.protocols.anthropic.hosted import decode_hosted, encode_hosted, hosted_kind, hosted_name
from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields, refused
from dragoman.protocols.tools.freeform import as_function
from dragoman.protocols.tools.names import NameForm
from dragoman.types import AnyTool, ChatRequest, HostedTool, ResponseFormat, Tool, ToolChoice, UnknownTool

TOOL_NAMES = NameForm("a-zA-Z0-9_-", "a-zA-Z0-9_-", 128)
"""The names that the service takes (modelcontextprotocol/modelcontextprotocol#1345, 2025-08-14)."""

FORMAT = "format"
OLD_FORMAT = "output_format"
"""A field beside `output_config`, which was this before it became generally available (a beta of 2025-11-13)."""

CUSTOM = "custom"
SERIAL = "disable_parallel_tool_use"

MODES: dict[str, Literal["auto", "none", "required", "tool"]] = {
    "auto": "auto",
    "any": "required",
    "tool": "tool",
    "none": "none",
}
WORDS = {ours: theirs for theirs, ours in MODES.items()}

SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
"""The schema of a tool that has none: this protocol requires one."""


def decode_tools(fields: Fields) -> tuple[AnyTool, ...]:
    """The tools, in their order."""
    tools: list[AnyTool] = []
    for path, value in fields.items("tools"):
        tool = Fields(value, path)
        if tool.rest.get("type") in (None, CUSTOM):
            tools.append(_tool(tool))
        elif (kind := hosted_kind(tool)) is not None:
            tools.append(decode_hosted(tool, kind))
        else:
            tool.required_text("type")
            tools.append(UnknownTool(NAME, value))
    return tuple(tools)


def encode_tools(tools: Sequence[AnyTool]) -> list[dict[str, Any]]:
    """The tools; those that only other protocols know are left out."""
    return [body for tool in tools if (body := _encode_tool(tool)) is not None]


def _tool(fields: Fields) -> Tool:
    kind = fields.text("type")
    name, description = fields.required_text("name"), fields.text("description")
    parameters = fields.fields("input_schema").rest
    strict, deferred, cache = fields.boolean("strict"), fields.boolean("defer_loading"), decode_breakpoint(fields)
    extra = to_extra(fields.rest)
    return Tool(
        name,
        description,
        parameters,
        strict,
        extra=extra if kind is None else noted(extra, type=kind),
        defer_loading=deferred,
        cache=cache,
    )


def _encode_tool(tool: AnyTool) -> dict[str, Any] | None:
    match tool:
        case UnknownTool(protocol=protocol, data=data):
            known: dict[str, Any] | None = data if protocol == NAME else None
            return known
        case HostedTool():
            return encode_hosted(tool)
        case Tool():
            function = as_function(tool)
            said = {
                "type": note(tool.extra, "type"),
                "description": function.description,
                "input_schema": SCHEMA if function.parameters is None else function.parameters,
                "strict": function.strict,
                "defer_loading": function.defer_loading,
            }
            body = {"name": function.name} | without_none(said) | encode_breakpoint(tool.cache)
            return with_extra(body, tool.extra)
        case _:
            assert_never(tool)


def decode_choice(fields: Fields, tools: Sequence[AnyTool]) -> tuple[ToolChoice | None, bool | None]:
    """The choice, and whether several calls may come at once."""
    if fields.rest.get("tool_choice") is None:
        fields.any("tool_choice")
        return None, None
    choice = fields.fields("tool_choice")
    mode = MODES.get(said := choice.required_text("type"))
    if mode is None:
        raise refused(choice.path("type"), f"expected one of {', '.join(MODES)}, got {cut(said, 40)!r}")
    serial = choice.boolean(SERIAL)
    found = ToolChoice(mode)
    if mode == "tool":
        name = choice.required_text("name")
        kinds = {hosted_name(tool): tool.tool for tool in tools if isinstance(tool, HostedTool)}
        found = ToolChoice("tool", hosted=kinds[name]) if name in kinds else ToolChoice("tool", name)
    if choice.rest:
        fields.rest["tool_choice"] = choice.rest
    return found, None if serial is None else not serial


def encode_choice(request: ChatRequest, *, offered: bool) -> dict[str, Any] | None:
    """The field `tool_choice`. It also says whether calls may be parallel, so it may be sent for that reason alone.

    `offered`: there are tools to choose among. Without any, the service refuses a choice, even one that says nothing.
    """
    choice, parallel = request.tool_choice, request.parallel_tool_calls
    if choice is None and parallel is None:
        return None
    if not offered and not (choice is not None and choice.forces):
        return None
    choice = choice or ToolChoice("auto")
    body: dict[str, Any] = {"type": WORDS[choice.mode]}
    if choice.mode == "tool":
        body["name"] = choice.name or _hosted(request.tools, choice)
    if parallel is not None and choice.mode != "none":
        body[SERIAL] = not parallel
    return body


def _hosted(tools: Sequence[AnyTool], choice: ToolChoice) -> str:
    names = [hosted_name(tool) for tool in tools if isinstance(tool, HostedTool) and tool.tool == choice.hosted]
    return names[0] if names else choice.hosted or ""


def decode_format(fields: Fields, config: Fields) -> ResponseFormat | None:
    """The form of the answer; one of an unknown type is left in the fields' rest."""
    form = _format(config, FORMAT)
    if form is not None:
        return form
    form = _format(fields, OLD_FORMAT)
    return None if form is None else replace(form, extra=noted(form.extra, **{OLD_FORMAT: True}))


def _format(fields: Fields, name: str) -> ResponseFormat | None:
    value = fields.rest.get(name)
    if value is None:
        fields.any(name)
        return None
    form = Fields(value, fields.path(name))
    if form.required_text("type") != "json_schema":
        return None
    fields.any(name)
    return ResponseFormat("json_schema", schema=form.fields("schema").rest, extra=to_extra(form.rest))


def encode_format(form: ResponseFormat) -> dict[str, Any] | None:
    """The form; None if the protocol has none such. Name and description stand in the schema, which may have both."""
    if form.kind != "json_schema":
        return None
    schema = dict(form.schema or {})
    for field, words in (("title", form.name), ("description", form.description)):
        if words is not None:
            schema.setdefault(field, words)
    return with_extra({"type": "json_schema", "schema": schema}, form.extra)
