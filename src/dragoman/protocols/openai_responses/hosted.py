"""Tools of the service: offered in a request, and used in an answer. Read and written."""

from collections.abc import Mapping
from typing import Any

import msgspec

from dragoman.protocols.extra import without_none
from dragoman.protocols.json_fields import Fields
from dragoman.protocols.openai_responses.extra import ITEM, NAME, to_extra, with_extra
from dragoman.types import HostedCall, HostedKind, HostedTool
from dragoman.wire import floats, json

_json = msgspec.json.Encoder().encode

KINDS: dict[str, HostedKind] = {
    "web_search": "web_search",
    "web_search_2025_08_26": "web_search",
    "web_search_preview": "web_search",
    "web_search_preview_2025_03_11": "web_search",
    "file_search": "file_search",
    "code_interpreter": "code_execution",
    "image_generation": "image_generation",
    "computer": "computer",
    "computer_use": "computer",
    "computer_use_preview": "computer",
    "shell": "shell",
    "mcp": "mcp",
    "tool_search": "tool_search",
}
"""Types of tools to our words; of several types of one word the first is the newest."""
TYPES: dict[HostedKind, str] = {}
for _type, _kind in KINDS.items():
    TYPES.setdefault(_kind, _type)

OWN_ONLY: frozenset[HostedKind] = frozenset({"file_search", "computer", "shell", "tool_search"})
"""Kinds whose settings only a caller of this protocol can give, or whose calls the caller itself must answer."""

CALLS: dict[str, HostedKind] = {
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_execution",
    "mcp_call": "mcp",
}
"""Types of items in which the service reports that it has used a tool."""

ASKED = {"require_approval": None}
"""Notes that the caller left it to the service whether calls of a server must be approved: for calls from elsewhere, it
is said that they need not."""


def decode_hosted(kind: HostedKind, native: str, fields: Fields) -> HostedTool:
    """A tool of the service; what has no value of its own is in `extra`."""
    tool = HostedTool(tool=kind)
    if kind == "web_search":
        tool = _web_search(fields)
    elif kind == "mcp":
        tool = _mcp(fields)
    rest = dict(fields.rest)
    if kind in OWN_ONLY or native != TYPES[kind]:
        rest["type"] = native
    return msgspec.structs.replace(tool, extra=to_extra(rest))


def is_sayable(tool: HostedTool) -> bool:
    """Whether the tool can be offered to a service of this protocol."""
    return tool.tool in TYPES and (tool.tool not in OWN_ONLY or NAME in tool.extra)


def encode_hosted(tool: HostedTool) -> dict[str, Any] | None:
    """The tool on the wire; None if this protocol does not have it."""
    if not is_sayable(tool):
        return None
    body: dict[str, Any] = {"type": TYPES[tool.tool]}
    if tool.tool == "web_search":
        place = None if tool.location is None else {"type": "approximate"} | tool.location
        filters = {"allowed_domains": list(tool.allowed)} if tool.allowed else None
        said = {"filters": filters, "user_location": place, "search_context_size": tool.context_size}
        body |= without_none(said)
    elif tool.tool == "mcp":
        allowed = list(tool.allowed) or None
        said = {"server_label": tool.label, "server_url": tool.url, "authorization": tool.authorization}
        body |= without_none(said | {"allowed_tools": allowed, "require_approval": "never"})
    elif tool.tool == "code_execution":
        body["container"] = {"type": "auto"}
    return without_none(with_extra(body, tool.extra))


def _web_search(fields: Fields) -> HostedTool:
    size = fields.text("search_context_size")
    allowed: tuple[str, ...] = ()
    place: dict[str, str] | None = None
    match fields.rest.get("filters"):
        case {"allowed_domains": [*sites], **more} if sites and all(isinstance(each, str) for each in sites):
            allowed = tuple(sites)
            fields.any("filters")
            if more:
                fields.rest["filters"] = more
    match fields.rest.get("user_location"):
        case {"type": "approximate", **where} if where and all(isinstance(each, str | None) for each in where.values()):
            place = {str(name): each for name, each in where.items() if isinstance(each, str)}
            fields.any("user_location")
    return HostedTool(tool="web_search", allowed=allowed, location=place, context_size=size)


def _mcp(fields: Fields) -> HostedTool:
    label, url, secret = fields.text("server_label"), fields.text("server_url"), fields.text("authorization")
    allowed: tuple[str, ...] = ()
    match fields.rest.get("allowed_tools"):
        case [*names] if names and all(isinstance(each, str) for each in names):
            allowed = tuple(names)
            fields.any("allowed_tools")
    if fields.rest.get("require_approval") is None:
        fields.rest |= ASKED
    return HostedTool(tool="mcp", label=label, url=url, authorization=secret, allowed=allowed)


def decode_call(native: str, call_id: str, item: Mapping[str, Any]) -> HostedCall:
    """What an item reports of a tool that the service used; the item itself is in `extra`."""
    match native:
        case "web_search_call":
            said = item.get("action") or item.get("arguments")
        case "file_search_call":
            said = {"queries": item.get("queries")}
        case "code_interpreter_call":
            said = {"code": item.get("code")}
        case _:
            said = item.get("arguments")
    name = item.get("name")
    return HostedCall(
        id=call_id,
        tool=CALLS[native],
        name=name if isinstance(name, str) else None,
        arguments=said if isinstance(said, str) else _json(said).decode() if isinstance(said, dict) else "",
        item=call_id,
        extra=to_extra({ITEM: dict(item)}),
    )


def encode_call(call: HostedCall) -> dict[str, Any]:
    """The item that reports the use of a tool: the service's own, or the one that says most of it."""
    own = call.extra.get(NAME, {}).get(ITEM)
    if isinstance(own, dict):
        return own
    said = _arguments(call.arguments)
    more: dict[str, Any]
    match call.tool:
        case "web_search" | "web_fetch" if isinstance(url := said.get("url"), str):
            kind, more = "web_search_call", {"action": {"type": "open_page", "url": url}}
        case "web_search":
            query = said.get("query")
            more = {"action": {"type": "search", "query": query if isinstance(query, str) else call.arguments}}
            kind = "web_search_call"
        case "code_execution":
            code = said.get("code")
            more = {"code": code if isinstance(code, str) else call.arguments, "container_id": "", "outputs": None}
            kind = "code_interpreter_call"
        case _:
            more = {"server_label": call.tool, "name": call.name or call.tool, "arguments": call.arguments}
            kind = "mcp_call"
    return {"type": kind, "id": call.id, "status": "completed"} | more


def _arguments(text: str) -> dict[str, Any]:
    try:
        value = floats.decode(text)
    except json.NOT_STRICT:
        return {}
    return value if isinstance(value, dict) else {}
