"""What services refuse of the settings for thinking, each as it is in the service's protocol."""

from collections.abc import Iterator

from msgspec import Struct

from tests.strict.rules import Json, Rule


class Levels(Struct, frozen=True):
    """A model at a service, and all that may be said there of how it thinks: words of the protocol, and of `SAYS`."""

    provider: str
    model: str
    taken: tuple[str, ...]
    source: str


def _chat(body: Json) -> Iterator[str | None]:
    yield body.get("reasoning_effort")


def _responses(body: Json) -> Iterator[str | None]:
    reasoning = body.get("reasoning") or {}
    yield reasoning.get("effort")
    if "summary" in reasoning:
        yield "summary"
    if "reasoning.encrypted_content" in body.get("include", ()):
        yield "encrypted"


def _moonshot(body: Json) -> Iterator[str | None]:
    yield body.get("reasoning_effort")
    if "thinking" in body:
        yield body["thinking"]["type"]
    if {"thinking", "reasoning_effort"} <= body.keys():
        yield "both"


def _anthropic(body: Json) -> Iterator[str | None]:
    thinking = body.get("thinking") or {}
    yield thinking.get("type")
    yield (body.get("output_config") or {}).get("effort")
    if thinking.get("type") == "enabled" and not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
        yield f"budget {thinking['budget_tokens']}"
    always = thinking.get("type") in {"enabled", "adaptive"} or body["model"] in {"claude-fable-5", "claude-opus-5-5"}
    if always and (body.get("tool_choice") or {}).get("type") in {"any", "tool"}:
        yield "a forced tool beside thinking"


def _gemini(body: Json) -> Iterator[str | None]:
    config = body.get("generationConfig", {}).get("thinkingConfig") or {}
    yield config.get("thinkingLevel")
    if "includeThoughts" in config:
        yield "shown"
    budget = config.get("thinkingBudget")
    if budget is not None:
        yield next(word for word, most in BUDGETS.items() if budget <= most)


def _ollama(body: Json) -> Iterator[str | None]:
    think = body.get("think")
    yield think if think is None or isinstance(think, str) else str(think).lower()


BUDGETS = {"dynamic": -1, "off": 0, "few": 127, "least": 511, "tokens": 24576, "most": 32768, "too many": 1 << 30}
"""Kinds of budgets of Gemini, and the most tokens of each."""
SAYS = {
    "openai": _chat,
    "groq": _chat,
    "mistral": _chat,
    "xai": _chat,
    "moonshot": _moonshot,
    "openairesponses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "ollama": _ollama,
}
SHOWN = ("summary", "encrypted")
TOKENS = ("shown", "dynamic", "tokens")
BUDGET = (*TOKENS, "least", "most")
ANY = (*BUDGET, "few", "too many")
ADAPTIVE = ("adaptive", "low", "medium", "high", "max")
MODELS = (
    Levels("openai", "gpt-4o", (), "AAswordman/Operit#1048"),
    Levels("openai", "o3", ("low", "medium", "high"), "enricoros/big-AGI#1159"),
    Levels("openai", "gpt-5-mini", ("minimal", "low", "medium", "high"), "microsoft/vscode#301045"),
    Levels("openai", "gpt-5.1", ("none", "low", "medium", "high"), "anomalyco/opencode#4451"),
    Levels("openai", "gpt-5.2-chat-latest", ("medium",), "Laisky/one-api#285"),
    Levels("openai", "gpt-5.4", ("none", "low", "medium", "high", "xhigh"), "tetsuo-ai/agenc-core#2394"),
    Levels("openairesponses", "gpt-4.1", (), "BoundaryML/baml#2708, BerriAI/litellm#38842"),
    Levels("openairesponses", "gpt-5.1-codex", ("low", "medium", "high", *SHOWN), "openai/codex#6647"),
    Levels("openairesponses", "gpt-5.2-pro", ("medium", "high", "xhigh", *SHOWN), "CherryHQ/cherry-studio#11920"),
    Levels("openairesponses", "gpt-5-pro", ("high", *SHOWN), "anomalyco/models.dev#2351"),
    Levels("groq", "qwen/qwen3-32b", ("none", "default"), "earendil-works/pi#1745"),
    Levels("groq", "openai/gpt-oss-120b", ("low", "medium", "high"), "theopenco/llmgateway#3422"),
    Levels("mistral", "mistral-small-latest", ("none", "high"), "architects-toolkit/SmartHopper#647"),
    Levels("mistral", "codestral-latest", (), "NousResearch/hermes-agent#11243"),
    Levels("xai", "grok-4", (), "chenyme/grok2api#814"),
    Levels("xai", "grok-3-mini", ("low", "high"), "egoist/chatwise-releases#515"),
    Levels("xai", "grok-4.3", ("none", "low", "medium", "high"), "enricoros/big-AGI#1104"),
    Levels("moonshot", "kimi-k2.6", ("enabled", "disabled"), "HKUDS/nanobot#3939"),
    Levels("moonshot", "kimi-k2.7-code", (), "lemon07r/opencode-kimi-full#11"),
    Levels("moonshot", "kimi-k3", ("low", "high", "max", "enabled"), "huggingface/tau#560"),
    Levels("anthropic", "claude-sonnet-4-5", ("enabled", "disabled"), "mnfst/llm-gateway#1928"),
    Levels("anthropic", "claude-opus-4-6", (*ADAPTIVE, "enabled", "disabled"), "luongnv89/claude-howto#96"),
    Levels("anthropic", "claude-opus-4-8", (*ADAPTIVE, "xhigh", "disabled"), "alex-feel/claude-code-toolbox#389"),
    Levels("anthropic", "claude-fable-5", (*ADAPTIVE, "xhigh"), "ex-machina-co/opencode-anthropic-auth#159"),
    Levels("anthropic", "claude-opus-5-5", (*ADAPTIVE, "xhigh"), "stdapi-ai/stdapi.ai#284"),
    Levels(
        "anthropic",
        "claude-haiku-5-5",
        (*ADAPTIVE, "xhigh", "disabled"),
        "https://platform.claude.com/docs/en/models/haiku-5-5/whats-new-haiku-5-5",
    ),
    Levels("gemini", "gemini-2.0-flash", (), "lobehub/lobehub#7985"),
    Levels("gemini", "gemini-2.5-pro", BUDGET, "earendil-works/pi#3460, RooCodeInc/Roo-Code#10700"),
    Levels(
        "gemini",
        "gemini-2.5-flash",
        ("off", "shown", "dynamic", "few", "least", "tokens"),
        "snailyp/gemini-balance#195",
    ),
    Levels("gemini", "gemini-2.5-flash-lite", ("off", *TOKENS), "snailyp/gemini-balance#195"),
    Levels("gemini", "gemini-3-pro-preview", ("LOW", "HIGH", *ANY), "jenslys/opencode-gemini-auth#14"),
    Levels("gemini", "gemini-3.7-flash", ("off", "LOW", "MEDIUM", "HIGH", *ANY), "bolna-ai/bolna#956"),
    Levels(
        "gemini",
        "gemini-3.5-flash-lite",
        ("MINIMAL", "LOW", "MEDIUM", "HIGH", *ANY),
        "googleapis/python-genai#2936",
    ),
    Levels("ollama", "gpt-oss:20b", ("low", "medium", "high", "true", "false"), "ollama/ollama#17859"),
    Levels("ollama", "llama-4-scout", ("false",), "ollama/ollama#12561"),
    Levels("ollama", "qwen3", ("true", "false"), "agentscope-ai/AgentTeams#130"),
)


def rule(levels: Levels) -> Rule:
    """What the service refuses for the model."""

    def breaks(body: Json) -> Iterator[str]:
        yield from (word for word in SAYS[levels.provider](body) if word is not None and word not in levels.taken)

    return Rule("thinking is as the model takes it", levels.source, breaks)
