"""pi: a folder of its own, which has another models.json. Seen 2026-11-25 with version 0.73.1."""

from pathlib import Path

from dragoman.cli.agents.agent import Agent, Gate, Place, Setup
from dragoman.wire.json import encode

FOLDER = "PI_CODING_AGENT_DIR"
KEY = "PI_GATEWAY_KEY"
FILE = "models.json"


def prepare(gate: Gate, place: Place) -> Setup:
    """The user's settings, sessions and extensions are there by links; only models.json is another one."""
    model = {"id": gate.model, "name": gate.model, "reasoning": False, "input": ["text", "image"]}
    # `apiKey` is the name of a variable, if there is one of that name.
    provider = {"baseUrl": f"{gate.url}/v1", "apiKey": KEY, "api": "openai-completions", "models": [model]}
    return Setup(
        variables={FOLDER: str(place.folder), KEY: gate.key},
        arguments=("--provider", "dragoman", "--model", gate.model),
        files={FILE: encode({"providers": {"dragoman": provider}})},
        links={path.name: path for path in _own(place) if path.name != FILE},
    )


def _own(place: Place) -> list[Path]:
    """What is in the user's own folder."""
    named = place.environ.get(FOLDER)
    folder = Path(named) if named else Path(place.environ.get("HOME", "/")) / ".pi" / "agent"
    try:
        return sorted(path.absolute() for path in folder.expanduser().iterdir())
    except (OSError, RuntimeError):
        return []  # it was never started before


PI = Agent("pi", "pi", "npm install -g @mariozechner/pi-coding-agent", prepare)
