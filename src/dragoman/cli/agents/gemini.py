"""Gemini CLI: variables, and a file of settings that says to use the key. Seen 2026-11-25 with version 0.61.0."""

from dragoman.cli.agents.agent import Agent, Gate, Place, Setup
from dragoman.wire.json import encode

SETTINGS = "gemini-settings.json"

KEY_ALONE = {"security": {"auth": {"selectedType": "gemini-api-key"}}}
"""Otherwise the user's own settings may choose a login with Google, and the gateway is never asked."""

ELSEWHERE = ("GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_GCA")


def prepare(gate: Gate, place: Place) -> Setup:
    """With a model named by `-m`, it asks no other one which model to take."""
    return Setup(
        variables={
            "GOOGLE_GEMINI_BASE_URL": gate.url,
            "GEMINI_API_KEY": gate.key,
            "GEMINI_MODEL": gate.model,
            # The settings that override all others: https://geminicli.com/docs/reference/configuration
            "GEMINI_CLI_SYSTEM_SETTINGS_PATH": str(place.folder / SETTINGS),
        },
        removed=ELSEWHERE,
        arguments=("-m", gate.model),
        files={SETTINGS: encode(KEY_ALONE)},
    )


GEMINI = Agent("gemini", "Gemini CLI", "npm install -g @google/gemini-cli", prepare)
