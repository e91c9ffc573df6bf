"""Qwen Code: a file of settings, and a variable with the key. Seen 2026-11-29 with version 0.15.10.

https://qwenlm.github.io/qwen-code-docs/en/users/configuration/settings/
"""

from dragoman.cli.agents.agent import Agent, Gate, Place, Setup
from dragoman.wire.json import encode

KEY = "QWEN_GATEWAY_KEY"
SETTINGS = "qwen-settings.json"


def prepare(gate: Gate, place: Place) -> Setup:
    """These settings come before the user's and a project's, and the options before a variable that names a model."""
    model = {"id": gate.model, "name": gate.model, "baseUrl": f"{gate.url}/v1", "envKey": KEY}
    settings = {
        "security": {"auth": {"selectedType": "openai"}},
        "model": {"name": gate.model},
        "modelProviders": {"openai": [model]},
    }
    return Setup(
        variables={"QWEN_CODE_SYSTEM_SETTINGS_PATH": str(place.folder / SETTINGS), KEY: gate.key},
        arguments=("--auth-type", "openai", "--model", gate.model),
        files={SETTINGS: encode(settings)},
    )


QWEN = Agent("qwen", "Qwen Code", "npm install -g @qwen-code/qwen-code", prepare)
