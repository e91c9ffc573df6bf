"""For whom an agent asks: what its own headers say of program and session. An agent that is added is a row here.

Recorded from the programs in 2026-11. What stands in other headers of theirs (the workspace's path, a commit) is
private, and not read.
"""

import re

from dragoman.types import Attribution, ServerRequest
from dragoman.types.identity import UNATTRIBUTED

FIELDS: dict[bytes, str] = {
    b"x-claude-code-session-id": "session",  # Claude Code
    b"x-claude-code-agent-id": "agent_id",
    b"x-claude-code-parent-agent-id": "parent_agent_id",
    b"session-id": "session",  # Codex
    b"x-session-id": "session",  # opencode
    b"session_id": "session",  # pi, for Responses
}
"""A header field, to what it says."""

AGENTS: dict[bytes, str] = {
    b"claude-cli": "claude-code",
    b"claude-code": "claude-code",
    b"codex_exec": "codex",
    b"codex_cli_rs": "codex",
    b"codex-tui": "codex",
    b"GeminiCLI": "gemini-cli",
    b"GeminiCLI-tui": "gemini-cli",
    b"opencode": "opencode",
    b"QwenCode": "qwen-code",
    b"kimi-code-cli": "kimi-code",
    b"litellm": "litellm",
}
"""The first word of a User-Agent, to the program's name."""

SAID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
"""An id that is worth noting: nothing in it could break a log, and it holds no path and no sentence."""


def attributed(call: ServerRequest) -> Attribution:
    """For whom `call` was sent."""
    said: dict[str, str] = {}
    for name, value in call.headers:
        field = FIELDS.get(name)
        if field is not None:
            if SAID.fullmatch(value):
                said.setdefault(field, value.decode("ascii"))
        elif name == b"user-agent" and (agent := AGENTS.get(value.partition(b"/")[0])) is not None:
            said["agent"] = agent
    return Attribution(**said) if said else UNATTRIBUTED
