"""Any agent, as far as `dragoman run` is concerned: it finds its gateway as the real one does, asks once, and records.

The name by which it is called says which agent it is. `FAKE_RECORD` names the file to write; `FAKE_END` says how to
end: a number to exit with, `killed`, or `wait` for a signal.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import FrameType
from typing import Any

ENV = os.environ


def claude() -> tuple[str, dict[str, str], dict[str, Any]]:
    """Settings given by `--settings` come before the environment."""
    settings = json.loads(Path(sys.argv[sys.argv.index("--settings") + 1]).read_text())
    env = {**ENV, **settings["env"]}
    assert not env.get("ANTHROPIC_API_KEY")
    body = {"model": env["ANTHROPIC_DEFAULT_HAIKU_MODEL"], "max_tokens": 99, "messages": messages()}
    return env["ANTHROPIC_BASE_URL"] + "/v1/messages", bearer(env["ANTHROPIC_AUTH_TOKEN"]), body


def codex() -> tuple[str, dict[str, str], dict[str, Any]]:
    words = [word for option, word in zip(sys.argv, sys.argv[1:], strict=False) if option == "-c"]
    settings = {name: json.loads(value) for name, _, value in (word.partition("=") for word in words)}
    provider = f"model_providers.{settings['model_provider']}"
    assert settings[f"{provider}.wire_api"] == "responses"
    key = ENV[settings[f"{provider}.env_key"]]
    body = {"model": settings["model"], "input": "hello"}
    return settings[f"{provider}.base_url"] + "/responses", bearer(key), body


def gemini() -> tuple[str, dict[str, str], dict[str, Any]]:
    settings = json.loads(Path(ENV["GEMINI_CLI_SYSTEM_SETTINGS_PATH"]).read_text())
    assert settings["security"]["auth"]["selectedType"] == "gemini-api-key"
    model = sys.argv[sys.argv.index("-m") + 1]
    body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    url = f"{ENV['GOOGLE_GEMINI_BASE_URL']}/v1beta/models/{model}:generateContent"
    return url, {"x-goog-api-key": ENV["GEMINI_API_KEY"]}, body


def opencode() -> tuple[str, dict[str, str], dict[str, Any]]:
    config = json.loads(Path(ENV["OPENCODE_CONFIG"]).read_text()) | json.loads(ENV["OPENCODE_CONFIG_CONTENT"])
    return merged(config)


def merged(config: dict[str, Any]) -> tuple[str, dict[str, str], dict[str, Any]]:
    name, _, model = config["model"].partition("/")
    provider = config["provider"][name]
    assert model in provider["models"]
    key = ENV[provider["options"]["apiKey"].removeprefix("{env:").removesuffix("}")]
    return provider["options"]["baseURL"] + "/chat/completions", bearer(key), chat(model)


def aider() -> tuple[str, dict[str, str], dict[str, Any]]:
    model = ENV["AIDER_WEAK_MODEL"].removeprefix("openai/")
    return ENV["AIDER_OPENAI_API_BASE"] + "/chat/completions", bearer(ENV["AIDER_OPENAI_API_KEY"]), chat(model)


def pi() -> tuple[str, dict[str, str], dict[str, Any]]:
    provider = json.loads((Path(ENV["PI_CODING_AGENT_DIR"]) / "models.json").read_text())["providers"]["dragoman"]
    assert sys.argv[1:3] == ["--provider", "dragoman"]
    # What is not a command is a variable's name in one version, and text in another.
    command = provider["apiKey"].partition("!")[2]
    key = subprocess.check_output(["sh", "-c", command], text=True).strip()
    return provider["baseUrl"] + "/chat/completions", bearer(key), chat(provider["models"][0]["id"])


def copilot() -> tuple[str, dict[str, str], dict[str, Any]]:
    assert (ENV["COPILOT_PROVIDER_TYPE"], ENV["COPILOT_PROVIDER_WIRE_API"]) == ("openai", "responses")
    assert not ENV.get("COPILOT_PROVIDER_BEARER_TOKEN")
    body = {"model": sys.argv[sys.argv.index("--model") + 1], "input": "hello"}
    return ENV["COPILOT_PROVIDER_BASE_URL"] + "/responses", bearer(ENV["COPILOT_PROVIDER_API_KEY"]), body


def qwen() -> tuple[str, dict[str, str], dict[str, Any]]:
    settings = json.loads(Path(ENV["QWEN_CODE_SYSTEM_SETTINGS_PATH"]).read_text())
    (provider,) = settings["modelProviders"][settings["security"]["auth"]["selectedType"]]
    assert settings["model"]["name"] == provider["id"]
    return provider["baseUrl"] + "/chat/completions", bearer(ENV[provider["envKey"]]), chat(provider["id"])


def kilo() -> tuple[str, dict[str, str], dict[str, Any]]:
    config = json.loads(Path(ENV["KILO_CONFIG"]).read_text()) | json.loads(ENV["KILO_CONFIG_CONTENT"])
    return merged(config)


def cn() -> tuple[str, dict[str, str], dict[str, Any]]:
    (model,) = json.loads(Path(sys.argv[sys.argv.index("--config") + 1]).read_text())["models"]
    key = ENV[model["apiKey"].removeprefix("${{ secrets.").removesuffix(" }}")]
    return model["apiBase"] + "/chat/completions", bearer(key), chat(model["model"])


def messages() -> list[dict[str, str]]:
    return [{"role": "user", "content": "hello"}]


def chat(model: str) -> dict[str, Any]:
    return {"model": model, "messages": messages()}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def main() -> None:
    """Asks, records, ends."""
    agents = (aider, claude, cn, codex, copilot, gemini, kilo, opencode, pi, qwen)
    url, headers, body = {agent.__name__: agent for agent in agents}[Path(sys.argv[0]).name]()
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"} | headers)  # noqa: S310  # of our own gateway
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        text = answer.read().decode()
    record = {"url": url, "headers": headers, "answer": text, "arguments": sys.argv[1:], "environ": dict(ENV)}
    Path(ENV["FAKE_RECORD"]).write_text(json.dumps(record))
    end(ENV.get("FAKE_END", "0"))


def end(how: str) -> None:
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "interrupted":
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    if how == "wait":
        got: list[int] = []

        def heed(number: int, frame: FrameType | None) -> None:
            got.append(number)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, heed)
        print("waiting", flush=True)
        while not got or got[-1] == signal.SIGUSR1:
            signal.pause()
        print("got", *(signal.Signals(number).name for number in got), flush=True)
        sys.exit(len(got))
    sys.exit(int(how))


if __name__ == "__main__":
    main()
