"""Tools of the service beside functions in one request, as Codex and Claude Code send them.

Models before Gemini 3 refuse both together; later ones take them if `includeServerSideToolInvocations` says so, which
Vertex AI does not know (ag2ai/ag2#3145).
"""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from dragoman.protocols.gemini.tools import FUNCTIONS, NATIVE
from dragoman.types import ChatRequest, HostedTool, Loss, ModelProfile, Tool, UntakenPart

CONFIG = "toolConfig"
FLAG = "includeServerSideToolInvocations"


def without_hosted(request: ChatRequest, profile: ModelProfile) -> ChatRequest:
    """`request` with its functions alone, if the models do not take both."""
    left_out = {number for number, _ in _left_out(request, profile)}
    if not left_out:
        return request
    return replace(request, tools=tuple(tool for i, tool in enumerate(request.tools) if i not in left_out))


def lost_hosted(request: ChatRequest, profile: ModelProfile) -> Iterator[Loss]:
    """The tools that `without_hosted` leaves out."""
    for number, tool in _left_out(request, profile):
        yield UntakenPart(f"tools[{number}] ({tool.tool})")


def with_mixed(body: dict[str, Any]) -> dict[str, Any]:
    """A request's body that says that it has both, if it has."""
    groups = body.get("tools", ())
    functions = [group for group in groups if FUNCTIONS in group]
    if not functions or len(functions) == len(groups):
        return body
    return body | {CONFIG: {FLAG: True} | body.get(CONFIG, {})}


def _left_out(request: ChatRequest, profile: ModelProfile) -> Iterator[tuple[int, HostedTool]]:
    if profile.mixed_tools is not False or not any(isinstance(tool, Tool) for tool in request.tools):
        return
    for i, tool in enumerate(request.tools):
        if isinstance(tool, HostedTool) and tool.tool in NATIVE:
            yield i, tool
