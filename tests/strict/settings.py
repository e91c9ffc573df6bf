"""What services refuse of settings other than those for thinking, each as it is in the service's protocol."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from tests.strict.rules import Json, Rule

NEUTRAL: Json = {"temperature": 1, "frequency_penalty": 0, "presence_penalty": 0, "logprobs": False}
"""Values that change nothing, and are taken by models that take no other."""
NAMES = {
    "maxOutputTokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "topP": "top_p",
    "topK": "top_k",
    "stopSequences": "stop",
    "stop_sequences": "stop",
    "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty",
}
"""Fields of other protocols, as OpenAI's has them."""


class Limits(Struct, frozen=True):
    """A model at a service, and what is refused there of a request."""

    provider: str
    model: str
    most: int | None
    """The largest limit of an answer's tokens; None: any."""
    refused: tuple[str, ...]
    """Fields that may not be there, as OpenAI's protocol names them; a field with `+` stands for both at once."""
    source: str


def said(body: Json) -> Json:
    """The settings of a body, as OpenAI's protocol names them."""
    settings: dict[str, Any] = {**body, **body.get("generationConfig", {})}
    return {NAMES.get(name, name): value for name, value in settings.items() if value is not None}


def rule(limits: Limits) -> Rule:
    """What the service refuses for the model."""

    def breaks(body: Json) -> Iterator[str]:
        settings = said(body)
        if limits.most is not None and settings.get("max_tokens", 0) > limits.most:
            yield f"max_tokens: {settings['max_tokens']}"
        for field in limits.refused:
            names = field.split("+")
            if set(names) <= settings.keys() and (len(names) > 1 or settings[field] != NEUTRAL.get(field)):
                yield field

    return Rule("settings are as the model takes them", limits.source, breaks)


SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
THINKS = (*SAMPLING, "logprobs", "top_logprobs")
SERIAL = (*THINKS, "parallel_tool_calls")
PENALTIES = ("frequency_penalty", "presence_penalty")
MODELS = (
    Limits("openai", "gpt-4o-2024-08-06", 16384, (), "enoch3712/ExtractThinker#346"),
    Limits("openai", "gpt-4.1-mini", 32768, (), "opencode-ai/opencode#140"),
    Limits("openai", "o3-mini", 100000, SERIAL, "langchain-ai/langchain#29704, pixeltable/pixeltable#493"),
    Limits("openai", "o4-mini", 100000, (*SERIAL, "stop"), "tensorzero/tensorzero#2805, confident-ai/deepeval#2184"),
    Limits("openai", "gpt-5-mini", 128000, (*THINKS, "stop"), "QwenLM/qwen-code#921"),
    Limits("openai", "gpt-5.2-codex", 128000, ("temperature", "top_p", "stop"), "OpenHands/software-agent-sdk#1837"),
    Limits("openairesponses", "gpt-5", None, THINKS, "tmc/langchaingo#1355"),
    Limits("anthropic", "claude-3-haiku-20240307", 4096, (), "continuedev/continue#4225"),
    Limits("anthropic", "claude-3-5-haiku-20241022", 8192, (), "avante-corp/avante.nvim#1761"),
    Limits("anthropic", "claude-opus-4-1", 32000, ("temperature+top_p",), "labring/fastgpt-plugin#242"),
    Limits("anthropic", "claude-sonnet-4-5", 64000, ("temperature+top_p",), "labring/fastgpt-plugin#242"),
    Limits("anthropic", "claude-opus-4-8", 128000, ("temperature", "top_p", "top_k"), "The-PR-Agent/pr-agent#2456"),
    Limits("gemini", "gemini-2.0-flash", 8192, (), "stackblitz-labs/bolt.diy#955"),
    Limits("gemini", "gemini-2.5-flash", 65535, PENALTIES, "BerriAI/litellm#10548, PublicAffairs/openai-gemini#63"),
    Limits("gemini", "gemini-3.7-flash", None, PENALTIES, "google-gemini/cookbook#1290"),
    Limits("moonshot", "kimi-k2.6", None, SAMPLING, "iOfficeAI/gemini-cli-pro#30"),
    Limits("groq", "qwen/qwen3-32b", 40960, (), "RooCodeInc/Roo-Code#5136"),
    Limits("groq", "qwen/qwen3.6-27b", 16384, (), "Alishahryar1/free-claude-code#1354"),
    Limits("dashscope", "qwen-max", 8192, (), "anomalyco/opencode#16971"),
)
