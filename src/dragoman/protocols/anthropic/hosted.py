"""Tools of the service: their definitions, their calls and their results. Read and written.

https://platform.claude.com/docs/en/agents-and-tools/tool-use/server-tools
"""

from collections.abc import Mapping
from typing import Any

from dragoman.protocols.anthropic.cache import decode_breakpoint, encode_breakpoint
from dragoman.protocols.anthropic.extra import NAME, note, noted, to_extra, with_extra
from dragoman.protocols.anthropic.inputs import EMPTY, FIELD, object_of, text_of
from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields
from dragoman.types import HostedCall, HostedResult, HostedTool
from dragoman.types.tools import HostedKind

CALL = "server_tool_use"
ID = "srvtoolu_"
"""How the ids of the service's calls begin; it takes no others."""

NEWEST: dict[HostedKind, tuple[str, str]] = {
    "web_search": ("web_search_20260318", "web_search"),
    "web_fetch": ("web_fetch_20260318", "web_fetch"),
    "code_execution": ("code_execution_20260521", "code_execution"),
    "tool_search": ("tool_search_tool_bm25_20251119", "tool_search_tool_bm25"),
}
"""Kind of tool to its newest type (anthropic 2.14, seen 2026-11-26) and its name."""

PREFIXES: dict[str, HostedKind] = {
    "web_search_": "web_search",
    "web_fetch_": "web_fetch",
    "code_execution_": "code_execution",
    "tool_search_tool_": "tool_search",
}
"""How the types of all years begin."""

CALLS: dict[str, HostedKind] = {
    "web_search": "web_search",
    "web_fetch": "web_fetch",
    "code_execution": "code_execution",
    "bash_code_execution": "code_execution",
    "text_editor_code_execution": "code_execution",
    "tool_search_tool_regex": "tool_search",
    "tool_search_tool_bm25": "tool_search",
}
"""A call's name to the kind of tool."""

RESULTS: dict[str, HostedKind] = {
    "web_search_tool_result": "web_search",
    "web_fetch_tool_result": "web_fetch",
    "code_execution_tool_result": "code_execution",
    "bash_code_execution_tool_result": "code_execution",
    "text_editor_code_execution_tool_result": "code_execution",
    "tool_search_tool_result": "tool_search",
}
"""A result's type to the kind of tool."""

BY_MODEL = {"caller": {"type": "direct"}}
"""What the service says of a call that the model made itself: callers' types require it."""

PLACE = frozenset({"city", "region", "country", "timezone"})
SITES: tuple[tuple[str, str], ...] = (("allowed_domains", "allowed"), ("blocked_domains", "blocked"))


def hosted_kind(tool: Fields) -> HostedKind | None:
    """Which kind a tool of this type is; None if it is not one of the service's own."""
    native = tool.rest.get("type")
    if not isinstance(native, str):
        return None
    return next((kind for prefix, kind in PREFIXES.items() if native.startswith(prefix)), None)


def decode_hosted(tool: Fields, kind: HostedKind) -> HostedTool:
    """The tool; what only this protocol says of it is in `extra`."""
    native, name = tool.required_text("type"), tool.text("name")
    sites: dict[str, tuple[str, ...]] = {}
    for field, ours in SITES:
        match tool.rest.get(field):
            case list(names) if names and all(isinstance(each, str) for each in names):
                sites[ours] = tuple(names)
                tool.any(field)
            case None:
                tool.any(field)
    location: dict[str, str] | None = None
    match tool.rest.get("user_location"):
        case {"type": "approximate", **where} if all(
            name in PLACE and isinstance(value, str | None) for name, value in where.items()
        ):
            location = {str(name): str(value) for name, value in where.items() if value is not None}
            tool.any("user_location")
        case None:
            tool.any("user_location")
    uses, cache = tool.integer("max_uses"), decode_breakpoint(tool)
    extra = noted(to_extra(tool.rest), type=native, name=name or kind)
    return HostedTool(
        tool=kind,
        allowed=sites.get("allowed", ()),
        blocked=sites.get("blocked", ()),
        location=location,
        max_uses=uses,
        cache=cache,
        extra=extra,
    )


def encode_hosted(tool: HostedTool) -> dict[str, Any] | None:
    """The tool; None if the service has no such kind."""
    if tool.tool not in NEWEST:
        return None
    native, name = NEWEST[tool.tool]
    body: dict[str, Any] = {"type": note(tool.extra, "type") or native, "name": note(tool.extra, "name") or name}
    if tool.tool in {"web_search", "web_fetch"}:
        said = {
            "allowed_domains": list(tool.allowed) or None,
            "blocked_domains": list(tool.blocked) or None,
            "max_uses": tool.max_uses,
        }
        body |= without_none(said)
    if tool.tool == "web_search" and tool.location is not None:
        body["user_location"] = {"type": "approximate"} | tool.location
    return with_extra(body | encode_breakpoint(tool.cache), tool.extra)


def hosted_name(tool: HostedTool) -> str:
    """The name by which a choice names the tool."""
    name = note(tool.extra, "name") or NEWEST.get(tool.tool, ("", tool.tool))[1]
    return str(name)


def decode_call(block: Mapping[str, Any]) -> HostedCall | None:
    """The call in a block, complete or at its beginning; None if it is of an unknown form."""
    call_id, name = block.get("id"), block.get("name")
    if not (isinstance(call_id, str) and isinstance(name, str) and name in CALLS):
        return None
    rest = {field: value for field, value in block.items() if field not in {"type", "id", "name", FIELD}}
    arguments = text_of(block.get(FIELD)) or EMPTY
    return HostedCall(id=call_id, tool=CALLS[name], name=name, arguments=arguments, extra=to_extra(without_none(rest)))


def encode_call(call: HostedCall) -> dict[str, Any] | None:
    """The block; None if another service made the call: this one could not find its result."""
    given = object_of(call.arguments)
    if call.name not in CALLS or given is None or not call.id.startswith(ID):
        return None
    return with_extra({"type": CALL, "id": call.id, "name": call.name, FIELD: given}, call.extra)


def show_call(call: HostedCall) -> dict[str, Any] | None:
    """The block for a caller, which may be about a call of another service; None if there are no such calls here."""
    name = (
        call.name
        if call.name in CALLS
        else next((name for kind, (_, name) in NEWEST.items() if kind == call.tool), None)
    )
    given = object_of(call.arguments)
    if name is None or given is None:
        return None
    body = {"type": CALL, "id": call.id, "name": name, FIELD: given}
    return with_extra(body if call.id.startswith(ID) else body | BY_MODEL, call.extra)


def decode_result(block: Mapping[str, Any]) -> HostedResult | None:
    """The result in a block, whose content is kept as it came; None if it is of an unknown form."""
    kind, call_id = block.get("type"), block.get("tool_use_id")
    if not (isinstance(kind, str) and kind in RESULTS and isinstance(call_id, str)):
        return None
    content = block.get("content")
    failed = isinstance(content, dict) and str(content.get("type", "")).endswith("_error")
    rest = {field: value for field, value in block.items() if field != "tool_use_id"}
    return HostedResult(id=call_id, tool=RESULTS[kind], is_error=failed, extra=to_extra(without_none(rest)))


def encode_result(result: HostedResult) -> dict[str, Any] | None:
    """The block; None if another service gave the result, which this one could not read."""
    body = result.extra.get(NAME)
    return None if body is None or "type" not in body else {"tool_use_id": result.id} | body
