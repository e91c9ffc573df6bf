"""aider: variables alone. Seen 2026-11-25 with version 0.86.2."""

from dragoman.cli.agents.agent import Agent, Gate, Place, Setup

MODELS = ("AIDER_MODEL", "AIDER_WEAK_MODEL", "AIDER_EDITOR_MODEL")
"""The model, the one that writes messages of commits, and the one that edits for an architect."""


def prepare(gate: Gate, place: Place) -> Setup:
    """aider's own variables come before its configuration files and before a project's .env, OpenAI's do not.

    https://aider.chat/docs/config/options.html
    """
    url = f"{gate.url}/v1"
    return Setup(
        variables={
            "OPENAI_API_BASE": url,
            "OPENAI_API_KEY": gate.key,
            "AIDER_OPENAI_API_BASE": url,
            "AIDER_OPENAI_API_KEY": gate.key,
            **dict.fromkeys(MODELS, f"openai/{gate.model}"),
        }
    )


AIDER = Agent("aider", "aider", "python -m pip install aider-install && aider-install", prepare)
