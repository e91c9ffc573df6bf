"""Codex: a provider of its own by `-c`, which overrides its config.toml. Seen 2026-11-25 with version 0.169.0."""

from dragoman.cli.agents.agent import Agent, Gate, Place, Setup
from dragoman.wire.json import encode

KEY = "CODEX_GATEWAY_KEY"
"""The variable that has the key. Not OPENAI_API_KEY: that one stays as the user has it, for the commands that the agent
runs."""

PROVIDER = "model_providers.dragoman"


def prepare(gate: Gate, place: Place) -> Setup:
    """It speaks no other protocol than Responses. A provider without `supports_websockets` is asked by HTTP."""
    settings = {
        "model": gate.model,
        "model_provider": "dragoman",
        f"{PROVIDER}.name": "dragoman",
        f"{PROVIDER}.base_url": f"{gate.url}/v1",
        f"{PROVIDER}.env_key": KEY,
        f"{PROVIDER}.wire_api": "responses",
    }
    # A string of JSON is one of TOML too.
    pairs = [("-c", f"{name}={encode(value).decode()}") for name, value in settings.items()]
    return Setup(variables={KEY: gate.key}, arguments=tuple(word for pair in pairs for word in pair))


CODEX = Agent("codex", "Codex", "npm install -g @openai/codex", prepare)
