"""Cache breakpoints for a caller who names a key for its cache and has no word for breakpoints.

OpenAI's services cache each prompt by themselves, and `prompt_cache_key` says which requests share a beginning. Here
nothing is cached without a breakpoint, so that an agent would pay for its whole conversation at each step. The service
looks for what it has cached 20 blocks before a breakpoint, and a step with many calls has more: so the last turn gets
one, and the turn of the user before it, which was the last one a step ago.
https://platform.claude.com/docs/en/build-with-claude/prompt-caching, 2026-11
"""

from collections.abc import Sequence
from typing import Any

from dragoman.protocols.anthropic.cache import encode_breakpoint
from dragoman.protocols.prompt_regions import DEFERRED
from dragoman.types import CacheBreakpoint, ChatRequest, ToolResult, UnknownTool

TURNS = 2
"""Of the four breakpoints that a request may have."""
BLOCKS = frozenset({"text", "image", "document", "tool_result", "custom"})
"""What may have one. A tool of the caller's is `custom`, and need not say so."""
MARK = encode_breakpoint(CacheBreakpoint())


def wants_marks(request: ChatRequest) -> bool:
    """Whether breakpoints must be made for `request`."""
    if request.cache_key is None or request.cache is not None:
        return False
    if any(not isinstance(tool, UnknownTool) and tool.cache is not None for tool in request.tools):
        return False
    parts = [part for message in request.messages for part in message.parts]
    parts += [inner for part in parts if isinstance(part, ToolResult) for inner in part.parts]
    return all(part.cache is None for part in parts)


def marked(body: dict[str, Any]) -> dict[str, Any]:
    """`body` with a breakpoint after the system's words, or else after the tools, and in the last turns of the user."""
    first = "system" if body.get("system") else "tools"
    if body.get(first):
        body = body | {first: _marked(body[first])}
    turns = list(body["messages"])
    users = [i for i, turn in enumerate(turns) if turn["role"] == "user"]
    for i in users[-TURNS:]:
        turns[i] = turns[i] | {"content": _marked(turns[i]["content"])}
    return body | {"messages": turns}


def _marked(content: str | Sequence[dict[str, Any]]) -> Any:
    """A text, blocks or tools, the last one with a breakpoint if it may have one."""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    if blocks[-1].get("type", "custom") in BLOCKS and not blocks[-1].get(DEFERRED):
        blocks[-1] = blocks[-1] | MARK
    return blocks
