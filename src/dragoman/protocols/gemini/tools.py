"""Tools, and the choice among them. Read and written."""

from collections.abc import Sequence
from typing import Any, assert_never

from dragoman.error_words import cut
from dragoman.protocols.extra import without_none
from dragoman.protocols.gemini.extra import NAME, note, noted, to_extra, with_extra
from dragoman.protocols.gemini.lists import listed
from dragoman.protocols.gemini.numbered import MODES, word
from dragoman.protocols.gemini.schema import noted_references, to_json_schema
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.tools.freeform import as_function
from dragoman.protocols.tools.names import NameForm
from dragoman.types import AnyTool, Extra, HostedTool, Tool, ToolChoice, UnknownTool
from dragoman.types.response import joined
from dragoman.types.tools import HostedKind

TOOL_NAMES = NameForm("a-zA-Z0-9_.:-", "a-zA-Z_", 64)
"""The names that the service takes, in the words of its own refusal (maximhq/bifrost#1979, 2026-03-07)."""

FUNCTIONS = "functionDeclarations"

HOSTED: dict[str, HostedKind] = {
    "googleSearch": "web_search",
    "urlContext": "web_fetch",
    "codeExecution": "code_execution",
    "googleMaps": "maps",
    "fileSearch": "file_search",
    "computerUse": "computer",
}
"""Tools of the service: this protocol's words to ours."""
NATIVE: dict[HostedKind, str] = {ours: theirs for theirs, ours in HOSTED.items()}

PARAMETERS, RESPONSE = "parameters", "response"
JSON_SCHEMA = {PARAMETERS: "parametersJsonSchema", RESPONSE: "responseJsonSchema"}
"""Fields that hold a schema in the older form, to those that hold a JSON Schema."""

CALLING = "functionCallingConfig"
VALIDATED = "VALIDATED"


def decode_tools(fields: Fields) -> tuple[AnyTool, ...]:
    """The tools: an entry of the list may hold several."""
    value = fields.any("tools")
    tools: list[AnyTool] = []
    for path, entry in [] if value is None else listed(value, fields.path("tools"), "a list of tools"):
        said = Fields(entry, path)
        for kind, body in list(said.rest.items()):
            if body is None:
                continue
            if kind == FUNCTIONS:
                declared = listed(body, said.path(kind), "a list of functions")
                tools += [_function(Fields(each, place)) for place, each in declared]
            elif kind in HOSTED:
                tools.append(_hosted(HOSTED[kind], Fields(body, said.path(kind))))
            else:
                tools.append(UnknownTool(NAME, {kind: body}))
    return tuple(tools)


def encode_tools(tools: Sequence[AnyTool]) -> list[dict[str, Any]]:
    """The tools: all functions in one entry, at the place of the first."""
    found: list[dict[str, Any]] = []
    functions: list[dict[str, Any]] = []
    for tool in tools:
        match tool:
            case Tool():
                if not functions:
                    found.append({FUNCTIONS: functions})
                functions.append(_encode_function(as_function(tool)))
            case HostedTool():
                if tool.tool in NATIVE:
                    said = {"excludeDomains": list(tool.blocked)} if tool.blocked and tool.tool == "web_search" else {}
                    found.append({NATIVE[tool.tool]: with_extra(said, tool.extra)})
            case UnknownTool(protocol=protocol, data=data):
                if protocol == NAME:
                    found.append(data)
            case _:
                assert_never(tool)
    return found


def _hosted(kind: HostedKind, fields: Fields) -> HostedTool:
    blocked: tuple[str, ...] = ()
    if kind == "web_search":
        blocked = fields.strings("excludeDomains", alone=True)
    return HostedTool(tool=kind, blocked=blocked, extra=to_extra(fields.rest))


def _function(fields: Fields) -> Tool:
    name = fields.required_text("name")
    if not name:
        raise refused(fields.path("name"), "expected a name, got an empty string")
    description = fields.text("description")
    parameters, output = _schema(fields, PARAMETERS), _schema(fields, RESPONSE)
    notes: Extra = {}
    for field, (schema, raw) in ((PARAMETERS, parameters), (RESPONSE, output)):
        if raw is not None:
            notes = joined(notes, note(field, raw))
        elif schema is not None:
            notes = joined(notes, noted_references(schema))
    return Tool(name, description, parameters[0], output=output[0], extra=to_extra(fields.rest) | notes)


def _schema(fields: Fields, name: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """A schema as JSON Schema; and as it came, if it came in the older form."""
    raw, plain = fields.object(name), fields.any(JSON_SCHEMA[name])
    if raw is not None and plain is not None:
        raise refused(fields.path(name), f"expected one of {name} and {JSON_SCHEMA[name]}, got both")
    if plain is not None and not isinstance(plain, dict):
        raise wrong_type(fields.path(JSON_SCHEMA[name]), "an object", plain)
    return (plain if raw is None else to_json_schema(raw)), raw


def _encode_function(tool: Tool) -> dict[str, Any]:
    body: dict[str, Any] = {"name": tool.name} | without_none({"description": tool.description})
    for name, schema in ((PARAMETERS, tool.parameters), (RESPONSE, tool.output)):
        if schema is not None:
            raw = noted(tool.extra, name)
            same = raw is not None and to_json_schema(raw) == schema
            body[name if same else JSON_SCHEMA[name]] = raw if same else schema
    return with_extra(body, tool.extra)


def decode_choice(fields: Fields) -> ToolChoice | None:
    """The choice in `toolConfig`; what has no canonical value is left in the fields' rest."""
    if fields.rest.get("toolConfig") is None:
        fields.any("toolConfig")
        return None
    config = fields.fields("toolConfig")
    choice: ToolChoice | None = None
    if config.rest.get(CALLING) is not None:
        calling = config.fields(CALLING)
        mode, names = word(calling, "mode", MODES), calling.strings("allowedFunctionNames", alone=True)
        choice = _choice(mode, names, calling)
        if calling.rest:
            config.rest[CALLING] = calling.rest
    if config.rest:
        fields.rest["toolConfig"] = config.rest
    return choice


def _choice(mode: str | None, names: tuple[str, ...], fields: Fields) -> ToolChoice | None:
    match (mode or "MODE_UNSPECIFIED").upper():
        case "AUTO":
            return ToolChoice("auto", names=names)
        case "NONE":
            return ToolChoice("none", names=names)
        case "ANY" if len(names) == 1:
            return ToolChoice("tool", names[0])
        case "ANY":
            return ToolChoice("required", names=names)
        case "VALIDATED" | "MODE_UNSPECIFIED" as word:
            # The calls keep to their schemas, which no other protocol asks for in the choice.
            if word == VALIDATED:
                fields.rest["mode"] = word
            return ToolChoice("auto", names=names) if names or word == VALIDATED else None
        case _:
            expected = "AUTO, ANY, NONE, VALIDATED"
            raise refused(fields.path("mode"), f"expected one of {expected}, got {cut(mode or '', 40)!r}")


def encode_choice(choice: ToolChoice) -> dict[str, Any] | None:
    """`toolConfig`; None if a tool of the service is meant, which nothing here can say."""
    if choice.hosted is not None:
        return None
    names = list(choice.names)
    match choice.mode:
        case "tool":
            said: dict[str, Any] = {"mode": "ANY", "allowedFunctionNames": [choice.name or ""]}
        case "required":
            said = {"mode": "ANY"} | ({"allowedFunctionNames": names} if names else {})
        case "auto" if names:
            # Only with one of the other modes the service takes names.
            said = {"mode": VALIDATED, "allowedFunctionNames": names}
        case mode:
            said = {"mode": mode.upper()} | ({"allowedFunctionNames": names} if names else {})
    return {CALLING: said}
