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

Json = Mapping[str, Any]
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


NO_MORE: Json = {}


def _usual(
    read: tuple[str, str],
    edit: tuple[str, str, str, str],
    run: str,
    *,
    edit_more: Json = NO_MORE,
    run_more: Json = NO_MORE,
) -> Callable[[Path], Tools]:
    """The tools of most agents: the name of each, and those of its arguments. `…_more`: arguments with their values."""

    def tools(work: Path) -> Tools:
        note = str(work / "note.txt")
        reader, file = read
        editor, changed, old, new = edit
        return [
            (reader, {file: note}),
            (editor, {changed: note, old: "old", new: "new", **edit_more}),
            (run, {"command": "cp note.txt made.txt", **run_more}),
        ]

    return tools


COPIES: Json = {"description": "copies"}
WHY: Json = {"instruction": "new for old"}
STRINGS = ("old_string", "new_string")

_claude = _usual(("Read", "file_path"), ("Edit", "file_path", *STRINGS), "Bash", run_more=COPIES)
_continue = _usual(("Read", "filepath"), ("Edit", "file_path", *STRINGS), "Bash")
_copilot = _usual(("view", "path"), ("edit", "path", "old_str", "new_str"), "bash", run_more=COPIES)
_gemini = _usual(
    ("read_file", "file_path"),
    ("replace", "file_path", *STRINGS),
    "run_shell_command",
    edit_more=WHY,
    run_more=COPIES,
)
_opencode = _usual(("read", "filePath"), ("edit", "filePath", "oldString", "newString"), "bash", run_more=COPIES)
_qwen = _usual(
    ("read_file", "file_path"),
    ("edit", "file_path", *STRINGS),
    "run_shell_command",
    run_more={"is_background": False},
)


def _codex(work: Path) -> Tools:
    return [
        ("exec_command", {"cmd": "cat note.txt"}),
        ("exec_command", {"cmd": "sed -i s/old/new/ note.txt"}),
        ("mcp__files__copy", {"source": str(work / "note.txt"), "target": str(work / "made.txt")}),
    ]


def _cline(work: Path) -> Tools:
    note = str(work / "note.txt")
    return [
        ("read_files", {"files": [{"path": note}]}),
        ("editor", {"path": note, "old_text": "old", "new_text": "new"}),
        ("run_commands", {"commands": ["cp note.txt made.txt"]}),
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


def _copilot_of(path: str = "/v1", **more: str) -> Agent:
    return Agent(
        program="copilot",
        words=lambda prompt: ["-p", prompt, "--allow-all-tools", "--allow-all-paths"],
        environ=lambda url, home: {
            "COPILOT_PROVIDER_BASE_URL": f"{url}{path}",
            "COPILOT_PROVIDER_API_KEY": KEY,
            "COPILOT_MODEL": MODEL,
            "COPILOT_OFFLINE": "true",
            **{f"COPILOT_PROVIDER_{name.upper()}": value for name, value in more.items()},
        },
        files=lambda url: {},
        tools=_copilot,
    )


QWEN_SETTINGS = {
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    "general": {"enableAutoUpdate": False},
}


def _qwen_of(protocol: str, url_name: str, path: str = "") -> Agent:
    return Agent(
        program="qwen",
        words=lambda prompt: [prompt, "--yolo", "--auth-type", protocol, "-m", MODEL],
        environ=lambda url, home: {
            f"{url_name}_BASE_URL": f"{url}{path}",
            f"{protocol.upper()}_API_KEY": KEY,
            f"{protocol.upper()}_MODEL": MODEL,
        },
        files=lambda url: {".qwen/settings.json": json.dumps(QWEN_SETTINGS)},
        tools=_qwen,
    )


def _continue_of(provider: str, path: str) -> Agent:
    def config(url: str) -> str:
        model = {"name": MODEL, "provider": provider, "model": MODEL, "apiBase": f"{url}{path}", "apiKey": KEY}
        more = {"roles": ["chat"], "capabilities": ["tool_use"]}
        return json.dumps({"name": "gw", "version": "1.0.0", "schema": "v1", "models": [model | more]})

    return Agent(
        program="cn",
        words=lambda prompt: ["--auto", "-p", prompt],
        environ=lambda url, home: {"CONTINUE_TELEMETRY_ENABLED": "0"},
        files=lambda url: {".continue/config.yaml": config(url)},
        tools=_continue,
    )


def _cline_of(provider: str, path: str) -> Agent:
    def providers(url: str) -> str:
        settings = {"provider": provider, "apiKey": KEY, "model": MODEL, "baseUrl": f"{url}{path}"}
        row = {"settings": settings, "updatedAt": "2026-11-29T00:00:00.000Z", "tokenSource": "manual"}
        return json.dumps({"version": 1, "lastUsedProvider": provider, "modes": {}, "providers": {provider: row}})

    return Agent(
        program="cline",
        words=lambda prompt: ["--json", "-P", provider, "-m", MODEL, prompt],
        environ=lambda url, home: {"CLINE_TELEMETRY_DISABLED": "1"},
        files=lambda url: {".cline/data/settings/providers.json": providers(url)},
        tools=_cline,
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


def _opencode_of(package: str, path: str, program: str = "opencode") -> Agent:
    """opencode, or what is made from it: `program` names the variables too."""
    file, prefix = f"{program}.json", program.upper()
    return Agent(
        program=program,
        words=lambda prompt: ["run", "--format", "json", "--auto", "-m", f"gw/{MODEL}"],
        environ=lambda url, home: {
            f"{prefix}_CONFIG": str(home / file),
            **{f"{prefix}_DISABLE_{name}": "1" for name in ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD")},
        },
        files=lambda url: {file: _opencode_config(package, f"{url}{path}")},
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
    "Copilot, Chat": _copilot_of(),
    "Copilot, Responses": _copilot_of(wire_api="responses", transport="websockets"),
    "Copilot, Messages": _copilot_of("", type="anthropic"),
    "Copilot, Azure": _copilot_of("", type="azure", azure_api_version="2024-10-21"),
    "Qwen Code, Chat": _qwen_of("openai", "OPENAI", "/v1"),
    "Qwen Code, Messages": _qwen_of("anthropic", "ANTHROPIC"),
    "Qwen Code, Gemini": _qwen_of("gemini", "GOOGLE_GEMINI"),
    "Continue, Chat": _continue_of("openai", "/v1"),
    "Continue, Messages": _continue_of("anthropic", "/v1"),
    "Continue, Ollama": _continue_of("ollama", ""),
    "Cline, Chat": _cline_of("openai-compatible", "/v1"),
    "Cline, Messages": _cline_of("anthropic", "/v1"),
    "Kilo Code, Chat": _opencode_of("@ai-sdk/openai-compatible", "/v1", "kilo"),
    "opencode, Chat": _opencode_of("@ai-sdk/openai-compatible", "/v1"),
    "opencode, Messages": _opencode_of("@ai-sdk/anthropic", "/v1"),
    "opencode, Responses": _opencode_of("@ai-sdk/openai", "/v1"),
    "opencode, Gemini": _opencode_of("@ai-sdk/google", "/v1beta"),
}
