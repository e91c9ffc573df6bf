"""opencode: a configuration file of its own, merged with the user's. Seen 2026-11-25 with version 1.18.33."""

from dragoman.cli.agents.agent import Agent, Gate, Place, Setup
from dragoman.wire.json import encode

KEY = "OPENCODE_GATEWAY_KEY"
FILE = "opencode.json"


def prepare(gate: Gate, place: Place) -> Setup:
    """A provider `dragoman` in a file, and the choice of its model in a variable.

    A project's own opencode.json overrides the file, but not the variable: https://opencode.ai/docs/config/
    """
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "dragoman",
        "options": {"baseURL": f"{gate.url}/v1", "apiKey": f"{{env:{KEY}}}"},
        "models": {gate.model: {}},
    }
    name = f"dragoman/{gate.model}"
    return Setup(
        variables={
            "OPENCODE_CONFIG": str(place.folder / FILE),
            "OPENCODE_CONFIG_CONTENT": encode({"model": name, "small_model": name}).decode(),
            KEY: gate.key,
        },
        files={FILE: encode({"provider": {"dragoman": provider}})},
    )


OPENCODE = Agent("opencode", "opencode", "npm install -g opencode-ai", prepare)
