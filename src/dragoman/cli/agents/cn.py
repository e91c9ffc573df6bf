"""Continue: a configuration file, and a variable with the key. Seen 2026-11-29 with version 1.5.47.

https://docs.continue.dev/reference
"""

from dragoman.cli.agents.agent import Agent, Gate, Place, Setup
from dragoman.wire.json import encode

KEY = "CN_GATEWAY_KEY"
FILE = "continue.json"


def prepare(gate: Gate, place: Place) -> Setup:
    """A configuration with this model alone: the rules and servers of the user's own one are not in it."""
    model = {
        "name": gate.model,
        "provider": "openai",
        "model": gate.model,
        "apiBase": f"{gate.url}/v1",
        "apiKey": f"${{{{ secrets.{KEY} }}}}",
        "roles": ["chat"],
        "capabilities": ["tool_use", "image_input"],
    }
    config = {"name": "dragoman", "version": "1.0.0", "schema": "v1", "models": [model]}
    return Setup(
        variables={KEY: gate.key},
        arguments=("--config", str(place.folder / FILE)),
        files={FILE: encode(config)},
    )


CN = Agent("cn", "Continue", "npm install -g @continuedev/cli", prepare)
