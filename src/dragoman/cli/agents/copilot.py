"""GitHub Copilot CLI: variables alone. Seen 2026-11-29 with version 1.0.102; `copilot help providers`."""

from dragoman.cli.agents.agent import Agent, Gate, Place, Setup

SECOND_KEYS = ("COPILOT_PROVIDER_API_KEY_COMMAND", "COPILOT_PROVIDER_BEARER_TOKEN")
"""Would be shown in place of the key."""

OF_ANOTHER = (
    "COPILOT_PROVIDER_AZURE_API_VERSION",
    "COPILOT_PROVIDER_HEADERS",
    "COPILOT_PROVIDER_MAX_OUTPUT_TOKENS",
    "COPILOT_PROVIDER_MAX_PROMPT_TOKENS",
    "COPILOT_PROVIDER_MODEL_ID",
    "COPILOT_PROVIDER_TRANSPORT",
    "COPILOT_PROVIDER_WIRE_MODEL",
)
"""Say how the user's own service is to be asked, which may not hold for the gateway."""


def prepare(gate: Gate, place: Place) -> Setup:
    """It asks by Responses, of which GitHub says that newer models need it; the model is named by `--model` as well."""
    return Setup(
        variables={
            "COPILOT_PROVIDER_BASE_URL": f"{gate.url}/v1",
            "COPILOT_PROVIDER_TYPE": "openai",
            "COPILOT_PROVIDER_WIRE_API": "responses",
            "COPILOT_PROVIDER_API_KEY": gate.key,
            "COPILOT_MODEL": gate.model,
        },
        removed=SECOND_KEYS + OF_ANOTHER,
        arguments=("--model", gate.model),
    )


COPILOT = Agent("copilot", "GitHub Copilot CLI", "npm install -g @github/copilot", prepare)
