"""Uses of the service's own tools within a turn: code that it ran, searches that it made. Read and written.

What a part held beside its arguments is in `extra` under the name of its kind, so that it goes back as it came.
"""

from typing import Any

from msgspec import Raw

from dragoman.protocols.gemini.extra import NAME, to_extra
from dragoman.protocols.gemini.numbered import LANGUAGES, OUTCOMES, word
from dragoman.protocols.json_fields import Fields
from dragoman.types import HostedCall, HostedResult, Text
from dragoman.wire import json

CODE, RAN = "executableCode", "codeExecutionResult"
CALL, RESPONSE = "toolCall", "toolResponse"

CODE_EXECUTION = "code_execution"
GOOD = "OUTCOME_OK"

TOOLS: dict[str, str] = {
    "GOOGLE_SEARCH_WEB": "web_search",
    "GOOGLE_SEARCH_IMAGE": "web_search",
    "URL_CONTEXT": "web_fetch",
    "GOOGLE_MAPS": "maps",
    "FILE_SEARCH": "file_search",
}
"""The service's word for a tool to ours, those of `HostedTool.tool`."""


def decode_code(fields: Fields, call_id: str) -> HostedCall:
    """`executableCode`; `call_id`: for a service that sends none."""
    body = dict(fields.rest)
    known, language = fields.text("id"), word(fields, "language", LANGUAGES)
    arguments = json.encode({"language": language, "code": fields.text("code") or ""}).decode()
    return HostedCall(id=known or call_id, tool=CODE_EXECUTION, arguments=arguments, extra=to_extra({CODE: body}))


def decode_ran(fields: Fields, call_id: str) -> HostedResult:
    """`codeExecutionResult`; `call_id`: of the code before it."""
    body = dict(fields.rest)
    known, output = fields.text("id"), fields.text("output")
    parts = () if output is None else (Text(text=output),)
    failed = word(fields, "outcome", OUTCOMES) not in {None, GOOD}
    extra = to_extra({RAN: body})
    return HostedResult(id=known or call_id, tool=CODE_EXECUTION, parts=parts, is_error=failed, extra=extra)


def decode_call(fields: Fields, call_id: str, text: str) -> HostedCall:
    """`toolCall`; `text`: the JSON text of its arguments."""
    body = dict(fields.rest)
    kind, known = fields.text("toolType"), fields.text("id")
    body.pop("args", None)
    return HostedCall(id=known or call_id, tool=_tool(kind), name=kind, arguments=text, extra=to_extra({CALL: body}))


def decode_response(fields: Fields, call_id: str, text: str) -> HostedResult:
    """`toolResponse`; `text`: the JSON text of what the tool gave."""
    body = dict(fields.rest)
    kind, known = fields.text("toolType"), fields.text("id")
    parts = (Text(text=text),) if body.pop("response", None) is not None else ()
    return HostedResult(id=known or call_id, tool=_tool(kind), parts=parts, extra=to_extra({RESPONSE: body}))


def encode_hosted(part: HostedCall | HostedResult, *, foreign: bool) -> dict[str, Any] | None:
    """The part as this protocol's service wrote it. If another one did: None, or with `foreign` in our word for it."""
    if not is_native(part):
        return _foreign(part) if foreign else None
    for kind, body in part.extra.get(NAME, {}).items():
        match kind:
            case "executableCode" | "codeExecutionResult":
                return {kind: body}
            case "toolCall" if isinstance(part, HostedCall):
                return {kind: body | ({"args": Raw(part.arguments.encode())} if part.arguments else {})}
            case "toolResponse" if isinstance(part, HostedResult):
                texts = [inner.text for inner in part.parts if isinstance(inner, Text)]
                return {kind: body | ({"response": Raw(texts[0].encode())} if texts else {})}
    return None


def is_native(part: HostedCall | HostedResult) -> bool:
    """Whether a service of this protocol wrote it."""
    own = part.extra.get(NAME, {})
    used = own.get(CALL) or own.get(RESPONSE)
    kind = used.get("toolType") if isinstance(used, dict) else None
    return not {CODE, RAN, CALL, RESPONSE}.isdisjoint(own) and (not isinstance(kind, str) or kind.isupper())


def _foreign(part: HostedCall | HostedResult) -> dict[str, Any]:
    """The use of another service's tool. Its kind is in lower case, by which it is known when it comes back."""
    said: dict[str, Any] = {"id": part.id, "toolType": part.tool}
    if isinstance(part, HostedCall):
        args = Raw(part.arguments.encode()) if json.is_object(part.arguments) else {}
        return {CALL: said | {"args": args}}
    texts = [inner.text for inner in part.parts if isinstance(inner, Text)]
    return {RESPONSE: said | {"response": {"error" if part.is_error else "output": "\n".join(texts)}}}


def _tool(kind: str | None) -> str:
    return TOOLS.get(kind or "", (kind or "unknown").lower())
