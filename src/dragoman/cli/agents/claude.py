"""Claude Code: variables, which a file of settings says again. Seen 2026-11-26 with version 2.1.332.

https://code.claude.com/docs/en/env-vars
"""

from dragoman.cli.agents.agent import Agent, Gate, Place, Setup
from dragoman.wire.json import encode

SETTINGS = "claude-settings.json"

MODELS = (
    "ANTHROPIC_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_DEFAULT_FABLE_MODEL",
    "CLAUDE_CODE_SUBAGENT_MODEL",
)
"""The model itself, the one for small tasks under its older name, those behind the names opus, sonnet, haiku and fable,
and that of the agents that it starts."""

SECOND_KEYS = ("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN")
"""Would be shown beside the token, or in place of it."""

ELSEWHERE = (
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_GATEWAY",
    "CLAUDE_CODE_USE_MANTLE",
    "CLAUDE_CODE_USE_VERTEX",
)
"""Would choose another service."""


def prepare(gate: Gate, place: Place) -> Setup:
    """Every model that it may ask for is the chosen one; what is not for the model (updates, reports) is off.

    The `env` of the user's own settings.json overrides the environment, but not the `env` of `--settings`.
    """
    variables = {
        "ANTHROPIC_BASE_URL": gate.url,
        "ANTHROPIC_AUTH_TOKEN": gate.key,
        **dict.fromkeys(MODELS, gate.model),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    settings = {"env": variables | dict.fromkeys(SECOND_KEYS + ELSEWHERE, ""), "model": gate.model}
    return Setup(
        variables=variables,
        removed=SECOND_KEYS + ELSEWHERE,
        arguments=("--settings", str(place.folder / SETTINGS)),
        files={SETTINGS: encode(settings)},
    )


CLAUDE = Agent("claude", "Claude Code", "npm install -g @anthropic-ai/claude-code", prepare)
