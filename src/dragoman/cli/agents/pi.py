"""pi: a folder of its own, which has another models.json. Seen 2026-11-28 with versions 0.73.1, 0.74.2 and 1.6.0."""

from pathlib import Path

from dragoman.cli.agents.agent import Agent, Gate, Place, Setup
from dragoman.wire.json import encode

FOLDER = "PI_CODING_AGENT_DIR"
KEY = "PI_GATEWAY_KEY"
FILE = "models.json"


def prepare(gate: Gate, place: Place) -> Setup:
    """The user's settings, sessions and extensions are there by links; only models.json is another one."""
    model = {"id": gate.model, "name": gate.model, "reasoning": False, "input": ["text", "image"]}
    # A variable is `NAME` up to 0.74, `$NAME` in 1.6; a command is the same in all.
    provider = {
        "baseUrl": f"{gate.url}/v1",
        "apiKey": f'!printf %s "${KEY}"',
        "api": "openai-completions",
        "models": [model],
    }
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


PI = Agent("pi", "pi", "npm install -g @earendil-works/pi-coding-agent", prepare)
