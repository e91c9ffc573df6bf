"""The agents: how each is called, and which of its tools read a file, change it and run a command. A row each."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

KEY = "any-key"
MODEL = "agent"
"""The model that agents ask for: a route of the gateway."""
GPT = "gpt-5.5"
"""One of OpenAI's, to which Codex shows the tools of MCP servers only once it has searched for them."""

Tools = list[tuple[str, dict[str, Any]]]


class Agent(Struct, frozen=True):
    """One agent. `url`: of the gateway; `home`: a folder for it alone; `work`: the folder of the job."""

    program: str
    words: Callable[[str], list[str]]
    """Its command line for a prompt."""
    environ: Callable[[str, Path], Mapping[str, str]]
    """Variables beside HOME, by `url` and `home`."""
    files: Callable[[str], Mapping[str, str]]
    """Files in its home, by `url`: path to text."""
    tools: Callable[[Path], Tools]
    """The calls that do the job in `work`: read note.txt, change `old` to `new` in it, copy it to made.txt."""
    prompt_by_stdin: bool = False


def _claude(work: Path) -> Tools:
    note = str(work / "note.txt")
    return [
        ("Read", {"file_path": note}),
        ("Edit", {"file_path": note, "old_string": "old", "new_string": "new"}),
        ("Bash", {"command": "cp note.txt made.txt", "description": "copies"}),
    ]


def _codex(work: Path) -> Tools:
    return [
        ("exec_command", {"cmd": "cat note.txt"}),
        ("exec_command", {"cmd": "sed -i s/old/new/ note.txt"}),
        ("mcp__files__copy", {"source": str(work / "note.txt"), "target": str(work / "made.txt")}),
    ]


def _gemini(work: Path) -> Tools:
    note = str(work / "note.txt")
    return [
        ("read_file", {"file_path": note}),
        ("replace", {"file_path": note, "old_string": "old", "new_string": "new", "instruction": "new for old"}),
        ("run_shell_command", {"command": "cp note.txt made.txt", "description": "copies"}),
    ]


def _opencode(work: Path) -> Tools:
    note = str(work / "note.txt")
    return [
        ("read", {"filePath": note}),
        ("edit", {"filePath": note, "oldString": "old", "newString": "new"}),
        ("bash", {"command": "cp note.txt made.txt", "description": "copies"}),
    ]


def _codex_searching(work: Path) -> Tools:
    *before, copy = _codex(work)
    return [*before, ("tool_search", {"query": "copy a file", "limit": 3}), copy]


GEMINI_SETTINGS = {
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    "general": {"enableAutoUpdate": False},
    "security": {"auth": {"selectedType": "gemini-api-key"}},
}


def _codex_config(url: str, model: str) -> str:
    return f"""
model = "{model}"
model_provider = "gateway"
check_for_update_on_startup = false
[model_providers.gateway]
name = "gateway"
base_url = "{url}/v1"
env_key = "GATEWAY_KEY"
wire_api = "responses"
supports_websockets = true
[analytics]
enabled = false
[mcp_servers.files]
command = "{sys.executable}"
args = ["{Path(__file__).with_name("files_server.py")}"]
"""


def _codex_of(model: str, tools: Callable[[Path], Tools]) -> Agent:
    return Agent(
        program="codex",
        words=lambda prompt: [
            *("exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"),
            prompt,
        ],
        environ=lambda url, home: {"CODEX_HOME": str(home), "GATEWAY_KEY": KEY},
        files=lambda url: {"config.toml": _codex_config(url, model)},
        tools=tools,
    )


def _opencode_config(package: str, url: str) -> str:
    provider = {
        "npm": package,
        "options": {"baseURL": url, "apiKey": KEY},
        "models": {MODEL: {"limit": {"context": 200_000, "output": 8192}}},
    }
    config = {
        "autoupdate": False,
        "share": "disabled",
        "permission": {"*": "allow"},
        "small_model": f"gw/{MODEL}",
        "provider": {"gw": provider},
    }
    return json.dumps(config)


def _opencode_of(package: str, path: str) -> Agent:
    return Agent(
        program="opencode",
        words=lambda prompt: ["run", "--format", "json", "--auto", "-m", f"gw/{MODEL}"],
        environ=lambda url, home: {
            "OPENCODE_CONFIG": str(home / "opencode.json"),
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        },
        files=lambda url: {"opencode.json": _opencode_config(package, f"{url}{path}")},
        tools=_opencode,
        prompt_by_stdin=True,
    )


AGENTS: dict[str, Agent] = {
    "Claude Code": Agent(
        program="claude",
        words=lambda prompt: [
            *("-p", prompt, "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"),
            *("--model", MODEL),
        ],
        environ=lambda url, home: {
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_AUTH_TOKEN": KEY,
            "ANTHROPIC_SMALL_FAST_MODEL": MODEL,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "IS_SANDBOX": "1",
        },
        files=lambda url: {},
        tools=_claude,
    ),
    "Codex": _codex_of(MODEL, _codex),
    "Codex, tool search": _codex_of(GPT, _codex_searching),
    "Gemini CLI": Agent(
        program="gemini",
        words=lambda prompt: ["-p", prompt, "--yolo", "--output-format", "stream-json", "-m", MODEL],
        environ=lambda url, home: {
            "GOOGLE_GEMINI_BASE_URL": url,
            "GEMINI_API_KEY": KEY,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        },
        files=lambda url: {".gemini/settings.json": json.dumps(GEMINI_SETTINGS)},
        tools=_gemini,
    ),
    "opencode, Chat": _opencode_of("@ai-sdk/openai-compatible", "/v1"),
    "opencode, Messages": _opencode_of("@ai-sdk/anthropic", "/v1"),
    "opencode, Responses": _opencode_of("@ai-sdk/openai", "/v1"),
    "opencode, Gemini": _opencode_of("@ai-sdk/google", "/v1beta"),
}
