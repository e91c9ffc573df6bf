"""Tools, and the form of the answer. Read and written."""

from collections.abc import Sequence
from typing import Any

from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields, refused, wrong_type
from dragoman.protocols.ollama.extra import NAME, nested, to_extra, with_extra
from dragoman.protocols.tools.freeform import as_function
from dragoman.types import AnyTool, ResponseFormat, Tool, UnknownTool

FUNCTION = "function"
PROPERTIES, ITEMS = "properties", "items"
LEFT_OUT = frozenset({"required", ITEMS, "enum", "$defs", "anyOf", "description"})
"""Keywords that the vendor's Go types write as null if they are empty, as they do with properties."""

JSON = "json"
"""The form of an answer that may be any JSON."""


def decode_tools(fields: Fields) -> tuple[AnyTool, ...]:
    """The tools; one of another type than a function is kept as it came."""
    return tuple(_tool(value, path) for path, value in fields.items("tools"))


def _tool(value: Any, path: str) -> AnyTool:
    fields = Fields(value, path)
    kind = fields.text("type")
    if kind not in {None, "", FUNCTION}:
        return UnknownTool(NAME, value)
    function = fields.fields(FUNCTION)
    name, description = function.required_text("name"), function.text("description")
    parameters = _schema(function.object("parameters"))
    extra = to_extra(fields.rest | nested(FUNCTION, function.rest), () if kind else ("type",))
    return Tool(name, description, parameters, extra=extra)


def _schema(value: Any) -> Any:
    """A schema without nulls in place of keywords, which no other service takes."""
    if not isinstance(value, dict):
        return value
    said = {name: inner for name, inner in value.items() if inner is not None or name not in LEFT_OUT}
    if PROPERTIES in said:
        inner = {} if said[PROPERTIES] is None else said[PROPERTIES]
        said[PROPERTIES] = {name: _schema(each) for name, each in inner.items()} if isinstance(inner, dict) else inner
    if ITEMS in said:
        said[ITEMS] = _schema(said[ITEMS])
    return said


def encode_tools(tools: Sequence[AnyTool]) -> list[dict[str, Any]]:
    """The tools; those that only other protocols or their services have are left out."""
    out: list[dict[str, Any]] = []
    for tool in tools:
        if isinstance(tool, UnknownTool) and tool.protocol == NAME:
            out.append(tool.data)
        elif isinstance(tool, Tool):
            plain = as_function(tool)
            said = {"description": plain.description, "parameters": plain.parameters}
            function = {"name": plain.name} | without_none(said)
            out.append(with_extra({"type": FUNCTION, FUNCTION: function}, plain.extra, FUNCTION))
    return out


def decode_format(fields: Fields) -> ResponseFormat | None:
    """The form of the answer: `json`, or a schema."""
    value = fields.any("format")
    match value:
        case None | "":
            return None
        case "json":
            return ResponseFormat("json_object")
        case dict():
            return ResponseFormat("json_schema", schema=value)
        case str():
            raise refused(fields.path("format"), f"expected '{JSON}' or a JSON schema")
        case _:
            raise wrong_type(fields.path("format"), f"'{JSON}' or a JSON schema", value)


def encode_format(form: ResponseFormat | None) -> str | dict[str, Any] | None:
    """The same on the wire; None for plain text. Name and description stand in the schema, which may have both."""
    if form is None or form.kind == "text":
        return None
    if form.schema is None:
        return JSON
    return without_none({"title": form.name, "description": form.description}) | form.schema
