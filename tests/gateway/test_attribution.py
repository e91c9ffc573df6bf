"""For whom an agent asks: read from its own headers into the request log, and nothing else of them."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from dragoman.gateway.attribution import AGENTS, FIELDS, attributed
from dragoman.types import Attribution, ServerRequest
from dragoman.wire import json
from tests.support.gateway import LOCAL, ask, chat_body, running

CLAUDE = {
    "user-agent": "claude-cli/2.1.332 (external, sdk-cli)",
    "x-claude-code-session-id": "s-1",
    "x-claude-code-agent-id": "a-2",
    "x-claude-code-parent-agent-id": "a-1",
}
CODEX = {"user-agent": "codex_exec/0.169.0 (Debian; x86_64)", "session-id": "s-2", "thread-id": "t"}
OPENCODE = {"user-agent": "opencode/1.18.33 ai-sdk/4", "x-session-id": "ses_3", "x-session-affinity": "ses_3"}
PI = {"user-agent": "OpenAI/JS 6.26.0", "session_id": "s-4"}
TOLD = ("agent", "session", "agent_id", "parent_agent_id")
GEMINI = {"user-agent": "GeminiCLI-tui/0.61.0/gemini-2.5-pro (linux; x64; terminal)"}


def call(**headers: str) -> ServerRequest:
    fields = tuple((name.replace("__", "-").encode(), value.encode()) for name, value in headers.items())
    return ServerRequest(method="POST", path="/", headers=fields)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (CLAUDE, Attribution("claude-code", "s-1", "a-2", "a-1")),
        (CODEX, Attribution("codex", "s-2")),
        (OPENCODE, Attribution("opencode", "ses_3")),
        (PI, Attribution("", "s-4")),
        (GEMINI, Attribution("gemini-cli")),
        ({"user-agent": "QwenCode/0.24.4 (linux; x64)"}, Attribution("qwen-code")),
        ({"user-agent": "kimi-code-cli/2.1.0"}, Attribution("kimi-code")),
        ({"user-agent": "curl/8"}, Attribution()),
        ({"session-id": "two words"}, Attribution()),
        ({"session-id": "/home/me/secret"}, Attribution()),
        ({"session-id": "x" * 129}, Attribution()),
        ({"session-id": ""}, Attribution()),
    ],
)
def test_what_its_headers_say(headers: dict[str, str], said: Attribution) -> None:
    assert attributed(call(**headers)) == said


def test_the_names_of_headers_are_as_they_are_compared() -> None:
    assert all(name == name.lower() for name in FIELDS)
    assert not any(b"/" in word for word in AGENTS)


@pytest.mark.parametrize("keys", [(), ("k",)])
async def test_it_is_in_the_request_log_of_each_request_of_a_connection(tmp_path: Path, keys: tuple[str, ...]) -> None:
    path = tmp_path / "log"
    settings = replace(LOCAL.gateway, request_log=str(path), api_keys=keys)
    private = {"authorization": "Bearer k", "x-codex-turn-metadata": '{"workspaces":{"/private-canary":{}}}'}
    async with running(replace(LOCAL, gateway=settings)) as run:
        for headers in (CLAUDE, CODEX | private, CODEX | private, {}):
            fields = {"content-type": "application/json", "authorization": "Bearer k", **headers}
            assert (await ask(run.url, "POST", "/v1/chat/completions", fields, chat_body("hi"))).status == 200
    text = path.read_bytes()
    assert b"private-canary" not in text
    lines = [json.decode_event(line) for line in text.splitlines()]
    told = [{name: line[name] for name in TOLD if name in line} for line in lines]
    claude = {"agent": "claude-code", "session": "s-1", "agent_id": "a-2", "parent_agent_id": "a-1"}
    codex = {"agent": "codex", "session": "s-2"}
    assert told == [claude, codex, codex, {}]
