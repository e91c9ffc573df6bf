"""How much families of models can be told to think: rows for the table in `profiles`, which see."""

from dragoman.providers.family import Family
from dragoman.types import ModelProfile

SEEN = "2026-11-28"

LOW_TO_HIGH = ("low", "medium", "high")
LOW_TO_XHIGH = (*LOW_TO_HIGH, "xhigh")
MINIMAL_TO_HIGH = ("minimal", *LOW_TO_HIGH)
NONE_TO_HIGH = ("none", *LOW_TO_HIGH)
NONE_TO_XHIGH = ("none", *LOW_TO_XHIGH)
LOW_HIGH_MAX = ("low", "high", "max")

PROBED = "https://github.com/enricoros/big-AGI/issues/1159"
GPT_5 = "https://github.com/tetsuo-ai/agenc-core/pull/2394"
GPT_ZEN = "https://github.com/anomalyco/models.dev/pull/2296"
GPT_CHAT = "https://github.com/anomalyco/models.dev/pull/2351"
GPT_CODEX = "https://github.com/openai/codex/issues/6647"
GPT_CODEX_MAX = "https://github.com/ben-vargas/ai-sdk-provider-codex-cli/pull/8"
GPT_PRO = "https://github.com/CherryHQ/cherry-studio/issues/11920"
GPT_PLAIN = "https://github.com/AAswordman/Operit/issues/1048"
GPT_OSS = "https://github.com/theopenco/llmgateway/pull/3422"
CLAUDE = "https://platform.claude.com/docs/en/build-with-claude/effort"
CLAUDE_HAIKU = "https://platform.claude.com/docs/en/models/haiku-5-5/whats-new-haiku-5-5"
CLAUDE_OPUS = "https://github.com/stdapi-ai/stdapi.ai/issues/284"
CLAUDE_ALWAYS = "https://github.com/ex-machina-co/opencode-anthropic-auth/issues/159"
GEMINI_BUDGETS = "https://github.com/saurabhav88/EnviousWispr/issues/1769"
GEMINI_LEVELS = "https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/thinking"
GEMINI_PRO = "https://github.com/egoist/chatwise-releases/issues/1206"
GEMINI_ZERO = "https://github.com/maragudk/gai/pull/369"
GEMINI_LITE = "https://github.com/googleapis/python-genai/issues/2936"
GEMINI_FLASH = ("gemini-3-flash*", "gemini-3.1-flash-lite*", "gemini-3.[5-8]-flash*")
GEMINI_PLAIN = "https://github.com/lobehub/lobehub/issues/7985"
GROK = "https://github.com/NousResearch/hermes-agent/pull/23435"
GROK_4_3 = "https://github.com/enricoros/big-AGI/issues/1104"
GROK_4_5 = "https://github.com/Wei-Shaw/sub2api/issues/4409"
GROK_4_6 = "https://github.com/decolua/9router/issues/3514"
GROK_MINI = "https://github.com/egoist/chatwise-releases/issues/515"
LLAMA = "https://github.com/iamsrikanthnani/pluely/pull/219"
MISTRAL = "https://github.com/architects-toolkit/SmartHopper/issues/647"
MISTRAL_LISTED = "https://github.com/anomalyco/models.dev/pull/1986"
MISTRAL_PLAIN = "https://github.com/NousResearch/hermes-agent/issues/11243"
KIMI = "https://platform.kimi.ai/docs/guide/use-reasoning-effort"
GLM = "https://github.com/charmbracelet/catwalk/pull/603"


def _rows(efforts: tuple[str, ...], source: str, *patterns: str) -> tuple[Family, ...]:
    return tuple(Family(pattern, ModelProfile(efforts=efforts), source, SEEN) for pattern in patterns)


def _budgets(least: int, most: int, *patterns: str) -> tuple[Family, ...]:
    profile = ModelProfile(least_budget=least, most_budget=most)
    return tuple(Family(pattern, profile, GEMINI_BUDGETS, SEEN) for pattern in patterns)


def _plain(source: str, *patterns: str, more: tuple[str, ...] = ()) -> tuple[Family, ...]:
    """Models that do not think, and refuse to be asked for what they have thought, and `more` fields."""
    profile = ModelProfile(efforts=(), unsupported_fields=("reasoning.display", *more))
    return tuple(Family(pattern, profile, source, SEEN) for pattern in patterns)


EFFORTS: tuple[Family, ...] = (
    # "Unrecognized request argument supplied: reasoning_effort", "'reasoning.effort' is not supported with this
    # model", "Encrypted content is not supported with this model": 400.
    # "'verbosity' does not support 'low' with this model. Supported values are: 'medium'": 400
    # (google-deepmind/concordia#164).
    *_plain(GPT_PLAIN, "*gpt-3.5*", "*gpt-4*", more=("verbosity",)),
    *_rows(LOW_TO_HIGH, PROBED, "o[134]", "o[134]-*"),
    # "Unsupported value: 'xhigh' is not supported with the 'gpt-5' model. Supported values are: …": 400.
    *_rows(MINIMAL_TO_HIGH, GPT_5, "gpt-5", "gpt-5-*"),
    *_rows(("high",), GPT_CHAT, "gpt-5-pro*"),
    *_rows(LOW_TO_HIGH, GPT_CODEX, "gpt-5-codex*"),
    *_plain("https://github.com/anomalyco/opencode/pull/26268", "gpt-5-chat*"),
    *_rows(NONE_TO_HIGH, "https://github.com/anomalyco/opencode/issues/4451", "gpt-5.1", "gpt-5.1-*"),
    *_rows(LOW_TO_HIGH, GPT_CODEX, "gpt-5.1-codex*"),
    *_rows(("medium", "high"), GPT_CODEX_MAX, "gpt-5.1-codex-mini*"),
    *_rows(LOW_TO_XHIGH, GPT_CODEX_MAX, "gpt-5.1-codex-max*"),
    *_rows(NONE_TO_XHIGH, GPT_ZEN, "gpt-5.[245]", "gpt-5.[245]-*"),
    *_rows(LOW_TO_XHIGH, GPT_ZEN, "gpt-5.[23]-codex*"),
    *_rows(("medium", "high", "xhigh"), GPT_PRO, "gpt-5.[245]-pro*"),
    *_rows(("medium",), GPT_CHAT, "gpt-5.[1-3]-chat*"),
    *_rows((*NONE_TO_XHIGH, "max"), PROBED, "gpt-5.6", "gpt-5.6-*"),
    *_rows(LOW_TO_HIGH, GPT_OSS, "gpt-oss*"),
    # "This model does not support effort level 'xhigh'": 400; "none" is `thinking.type: disabled`.
    *_rows(NONE_TO_HIGH, CLAUDE, "*claude-opus-4[-.]5*"),
    *_rows((*NONE_TO_HIGH, "max"), CLAUDE, "*claude-*-4[-.]6*"),
    *_rows((*NONE_TO_XHIGH, "max"), CLAUDE, "*claude-*-4[-.][78]*", "*claude-opus-5*", "*claude-sonnet-5*"),
    *_rows((*NONE_TO_XHIGH, "max"), CLAUDE_HAIKU, "*claude-haiku-5*"),
    # "thinking.type.disabled is not supported for this model": 400.
    *_rows((*LOW_TO_XHIGH, "max"), CLAUDE_ALWAYS, "*claude-fable-*", "*claude-mythos-*"),
    *_rows((*LOW_TO_XHIGH, "max"), CLAUDE_OPUS, "*claude-opus-5[-.]5*"),
    # "Thinking is not enabled for models/gemini-2.0-flash", even if it is only to be shown: 400.
    *_plain(GEMINI_PLAIN, "gemini-1.5-*", "gemini-2.0-flash*"),
    # "Budget 0 is invalid. This model only works in thinking mode.", "The thinking budget (52428) is invalid.": 400.
    *_rows(MINIMAL_TO_HIGH, GEMINI_BUDGETS, "gemini-2.5-pro*"),
    *_rows(("none", *MINIMAL_TO_HIGH), GEMINI_BUDGETS, "gemini-2.5-flash*"),
    *_budgets(128, 32768, "gemini-2.5-pro*"),
    *_budgets(1, 24576, "gemini-2.5-flash*"),
    *_budgets(512, 24576, "gemini-2.5-flash-lite*"),
    # "Thinking level MEDIUM is not supported for this model. Please retry with other thinking level.": 400.
    *_rows(("low", "high"), GEMINI_PRO, "gemini-3-pro", "gemini-3-pro-preview*"),
    *_rows(LOW_TO_HIGH, GEMINI_LEVELS, "gemini-3.1-pro*"),
    *_rows(MINIMAL_TO_HIGH, GEMINI_LEVELS, "gemini-3-flash*", "gemini-3.1-flash-lite*", "gemini-3.[56]-flash*"),
    *_rows(LOW_TO_HIGH, GEMINI_LEVELS, "gemini-3.[78]-flash*"),
    # They have no level for none, and take a budget of 0.
    *(Family(pattern, ModelProfile(least_budget=0), GEMINI_ZERO, SEEN) for pattern in GEMINI_FLASH),
    Family("gemini-3.5-flash-lite*", ModelProfile(least_budget=1), GEMINI_LITE, SEEN),
    # "Model grok-4 does not support parameter reasoningEffort": 400.
    *_rows((), GROK, "grok-3", "grok-3-*", "grok-4", "grok-4-*", "grok-4.20*", "grok-code-*"),
    *_rows(("low", "high"), GROK_MINI, "grok-3-mini*"),
    *_rows(LOW_TO_XHIGH, GROK_4_3, "grok-4.20-multi-agent*"),
    *_rows(NONE_TO_HIGH, GROK_4_3, "grok-4.3*"),
    *_rows(LOW_TO_HIGH, GROK_4_5, "grok-4.5*"),
    *_rows(("minimal", *LOW_TO_XHIGH), GROK_4_6, "grok-4.6*"),
    # "reasoning_effort is not supported with this model": 400 of Groq, since these do not think.
    *_rows((), LLAMA, "llama-[34]*"),
    # "reasoning_effort='medium' is not supported for this model. Must be one of (none, high)": 400.
    *_rows(("none", "high"), MISTRAL, "mistral-small-latest", "mistral-small-26*"),
    *_rows(("none", "high"), MISTRAL_LISTED, "mistral-medium-2604*", "magistral-small-latest"),
    *_rows((), MISTRAL_PLAIN, "mistral-large*", "codestral*"),
    # It always thinks, and each setting of that is refused.
    *_rows((), "https://github.com/lemon07r/opencode-kimi-full/pull/11", "kimi-k2.7-code*"),
    *_rows(LOW_HIGH_MAX, KIMI, "kimi-k3*", "k3", "k3-*"),
    # "This model always engages in thinking and cannot be disabled; please use low, high, or max.": 400.
    *_rows(LOW_HIGH_MAX, GLM, "glm-5.3*"),
)
"""What is not in a row's list is refused. A row of a narrower family stands after that of a wider one."""
