"""opencode: a configuration file of its own, merged with the user's. Seen 2026-11-25 with version 1.18.33."""

from functools import partial

from dragoman.cli.agents.agent import Agent, Gate, Place, Setup
from dragoman.wire.json import encode


def prepared(prefix: str, gate: Gate, place: Place) -> Setup:
    """A provider `dragoman` in a file, and the choice of its model in a variable. `prefix`: of the variables' names.

    A project's own configuration overrides the file, but not the variable: https://opencode.ai/docs/config/
    """
    key, file = f"{prefix}_GATEWAY_KEY", f"{prefix.lower()}.json"
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "dragoman",
        "options": {"baseURL": f"{gate.url}/v1", "apiKey": f"{{env:{key}}}"},
        "models": {gate.model: {}},
    }
    name = f"dragoman/{gate.model}"
    return Setup(
        variables={
            f"{prefix}_CONFIG": str(place.folder / file),
            f"{prefix}_CONFIG_CONTENT": encode({"model": name, "small_model": name}).decode(),
            key: gate.key,
        },
        files={file: encode({"provider": {"dragoman": provider}})},
    )


OPENCODE = Agent("opencode", "opencode", "npm install -g opencode-ai", partial(prepared, "OPENCODE"))
