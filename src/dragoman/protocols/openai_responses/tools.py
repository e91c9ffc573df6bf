"""Tools, the choice among them, and the form of the answer. Read and written."""

from collections.abc import Collection, Sequence
from typing import Any, Literal, assert_never

from msgspec.structs import replace

from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.openai_responses.extra import NAME, joined, to_extra, with_extra
from dragoman.protocols.openai_responses.hosted import KINDS, TYPES, decode_hosted, encode_hosted
from dragoman.protocols.openai_responses.tool_search import SEARCH, decode_search, encode_search, is_callers
from dragoman.protocols.tools.freeform import freeform_names
from dragoman.protocols.tools.search import found_by, is_search
from dragoman.types import AnyTool, HostedTool, ResponseFormat, Tool, ToolChoice, UnknownTool

MODES: dict[str, Literal["auto", "none", "required"]] = {"auto": "auto", "none": "none", "required": "required"}

UNSAID = {"strict": None}
"""Notes that the caller left it to the service whether arguments are kept to the schema."""

GROUP = "namespace."
"""Before the name of a field of the group that a tool stood in."""


def decode_tools(fields: Fields) -> tuple[AnyTool, ...]:
    """The tools. Raises InvalidRequestError."""
    return tuple(tool for path, value in fields.items("tools") for tool in decode_listed(Fields(value, path)))


def encode_tools(tools: Sequence[AnyTool]) -> list[dict[str, Any]]:
    """The tools; those that only other protocols know are left out, and those that a search has found."""
    return encode_listed([tool for tool in tools if found_by(tool) is None])


def encode_listed(tools: Sequence[AnyTool]) -> list[dict[str, Any]]:
    """The tools in one list; those that only other protocols know are left out."""
    out: list[dict[str, Any]] = []
    open_: tuple[str, str | None] | None = None
    for tool in tools:
        body = _encode_tool(tool)
        if body is None:
            continue
        if not isinstance(tool, Tool) or tool.namespace is None:
            out.append({name: value for name, value in body.items() if not name.startswith(GROUP)})
            open_ = None
            continue
        around = {name.removeprefix(GROUP): body.pop(name) for name in [*body] if name.startswith(GROUP)}
        group = tool.namespace, tool.namespace_description
        if group != open_ or around:
            name, description = open_ = group
            out.append({"type": "namespace", "name": name, "description": description or "", "tools": []} | around)
        out[-1]["tools"].append(body)
    return out


def decode_listed(fields: Fields) -> tuple[AnyTool, ...]:
    """What an entry of a list of tools says: a tool, or a group of them. Raises InvalidRequestError."""
    return _group(fields) if fields.rest.get("type") == "namespace" else (_tool(fields),)


def _group(fields: Fields) -> tuple[AnyTool, ...]:
    """The tools of a group; one without any, or with tools of the service, is left as it is."""
    whole = dict(fields.rest)
    name, description = fields.required_text("name"), fields.text("description")
    inner = [Fields(value, path) for path, value in fields.items("tools")]
    found = [tool for each in inner if isinstance(tool := _tool(each), Tool)]
    if not found or len(found) < len(inner):
        return (UnknownTool(NAME, whole),)
    del fields.rest["type"]
    around = to_extra({f"{GROUP}{field}": value for field, value in fields.rest.items()})
    tools = [replace(tool, namespace=name, namespace_description=description) for tool in found]
    return replace(tools[0], extra=joined(tools[0].extra, around)), *tools[1:]


def _tool(fields: Fields) -> AnyTool:
    whole = dict(fields.rest)
    match fields.required_text("type"):
        case "function":
            return _function(fields)
        case "custom":
            return _custom(fields)
        case kind if kind == SEARCH and is_callers(fields):
            return decode_search(fields)
        case kind if kind in KINDS:
            return decode_hosted(KINDS[kind], kind, fields)
        case _:
            return UnknownTool(NAME, whole)


def _function(fields: Fields) -> Tool:
    strict = fields.boolean("strict")
    return Tool(
        name=fields.required_text("name"),
        description=fields.text("description"),
        parameters=fields.object("parameters"),
        strict=strict,
        output=fields.object("output_schema"),
        defer_loading=fields.boolean("defer_loading"),
        extra=to_extra(fields.rest | ({} if strict is not None else UNSAID)),
    )


def _custom(fields: Fields) -> Tool:
    grammar: tuple[Literal["lark", "regex"], str] | None = None
    match fields.rest.get("format"):
        case {"type": "grammar", "syntax": "lark" | "regex" as kind, "definition": str(definition), **rest} if not rest:
            grammar = (kind, definition)
            fields.any("format")
        case {"type": "text", **rest} if not rest:
            fields.any("format")
    return Tool(
        name=fields.required_text("name"),
        description=fields.text("description"),
        input_format="text",
        grammar=grammar,
        defer_loading=fields.boolean("defer_loading"),
        extra=to_extra(fields.rest),
    )


def _encode_tool(tool: AnyTool) -> dict[str, Any] | None:
    match tool:
        case UnknownTool(protocol=protocol, data=data):
            known: dict[str, Any] | None = data if protocol == NAME else None
            return known
        case HostedTool():
            return encode_hosted(tool)
        case Tool() if is_search(tool):
            return encode_search(tool)
        case Tool(input_format="text"):
            form: dict[str, Any] | None = None
            if tool.grammar is not None:
                kind, definition = tool.grammar
                form = {"type": "grammar", "syntax": kind, "definition": definition}
            said = {"description": tool.description, "format": form, "defer_loading": tool.defer_loading}
            return with_extra({"type": "custom", "name": tool.name} | without_none(said), tool.extra)
        case Tool():
            said = {"description": tool.description, "output_schema": tool.output, "defer_loading": tool.defer_loading}
            # The service fills in what is not said about `strict`; elsewhere, what is not said means no.
            body: dict[str, Any] = {
                "type": "function",
                "name": tool.name,
                "parameters": tool.parameters,
                "strict": tool.strict or False,
            }
            return with_extra(body | without_none(said), tool.extra)
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
    Fields(choice, path).required_text("type")
    match choice:
        case {"type": "function" | "custom", "name": str(name), **rest} if not rest:
            return ToolChoice("tool", name)
        case {"type": "allowed_tools", "mode": "auto" | "required" as mode, "tools": [*tools], **rest} if not rest:
            names = [_named(tool) for tool in tools]
            if names and None not in names:
                return ToolChoice(mode, names=tuple(filter(None, names)))
        case {"type": str(kind), **rest} if not rest and kind in KINDS and TYPES[KINDS[kind]] == kind:
            return ToolChoice("tool", hosted=KINDS[kind])
        case {"type": "function" | "custom" as kind}:
            Fields(choice, path).required_text("name")
    fields.rest["tool_choice"] = choice
    return None


def _named(tool: object) -> str | None:
    match tool:
        case {"type": "function" | "custom", "name": str(name), **rest} if not rest:
            return name
        case _:
            return None


def encode_choice(choice: ToolChoice, tools: Sequence[AnyTool]) -> str | dict[str, Any] | None:
    """The choice on the wire; None if it names a tool of the service that this protocol does not have."""
    if choice.hosted is not None:
        return {"type": TYPES[choice.hosted]} if choice.hosted in TYPES else None
    freeform = freeform_names(tools)
    if choice.mode == "tool":
        return _reference(choice.name or "", freeform)
    if choice.names and choice.mode != "none":
        allowed = [_reference(name, freeform) for name in choice.names]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": allowed}
    return choice.mode


def _reference(name: str, freeform: Collection[str]) -> dict[str, Any]:
    return {"type": "custom" if name in freeform else "function", "name": name}


def decode_format(text: Fields) -> ResponseFormat | None:
    """The form of the answer, from the fields of `text`; one without a canonical name is left in their rest."""
    value = text.any("format")
    if value is None:
        return None
    said = Fields(value, text.path("format"))
    match said.required_text("type"):
        case "text":
            return ResponseFormat("text", extra=to_extra(said.rest))
        case "json_object":
            return ResponseFormat("json_object", extra=to_extra(said.rest))
        case "json_schema":
            strict = said.boolean("strict")
            return ResponseFormat(
                "json_schema",
                name=said.required_text("name"),
                schema=said.object("schema"),
                description=said.text("description"),
                strict=strict,
                extra=to_extra(said.rest | ({} if strict is not None else UNSAID)),
            )
        case _:
            text.rest["format"] = value
            return None


def encode_format(form: ResponseFormat) -> dict[str, Any]:
    """The form of the answer on the wire."""
    if form.kind != "json_schema":
        return with_extra({"type": form.kind}, form.extra)
    said = {"description": form.description, "schema": form.schema or {}, "strict": form.strict or False}
    return without_none(with_extra({"type": form.kind, "name": form.name or "answer"} | without_none(said), form.extra))
