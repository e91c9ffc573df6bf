"""How many tokens an answer may have at most: rows for the table in `profiles`, which see.

Only models that have the same limit at every service; a larger limit in a request is a 400.
"""

from dragoman.providers.family import Family
from dragoman.types import ModelProfile

SEEN = "2026-11-28"

GPT = "https://github.com/ChatGPTNextWeb/NextChat/issues/3195"
GPT_4O = "https://github.com/enoch3712/ExtractThinker/issues/346"
GPT_4_1 = "https://github.com/opencode-ai/opencode/issues/140"
O_SERIES = "https://github.com/pixeltable/pixeltable/pull/493"
GPT_MODELS = "https://developers.openai.com/api/docs/models"
CLAUDE_3 = "https://github.com/continuedev/continue/issues/4225"
CLAUDE_3_5 = "https://github.com/avante-corp/avante.nvim/pull/1761"
CLAUDE_4 = "https://github.com/labring/fastgpt-plugin/pull/242"
CLAUDE_5 = ("*claude-opus-5*", "*claude-sonnet-5*", "*claude-haiku-5*", "*claude-fable-5*")
CLAUDE = "https://platform.claude.com/docs/en/about-claude/models/overview"
GEMINI_2 = "https://github.com/stackblitz-labs/bolt.diy/issues/955"
GEMINI = "https://github.com/BerriAI/litellm/pull/10548"
QWEN = "https://github.com/anomalyco/opencode/issues/16971"
QWEN_3_8 = "https://github.com/anomalyco/opencode/issues/40770"


def _most(tokens: int, source: str, *patterns: str) -> tuple[Family, ...]:
    return tuple(Family(pattern, ModelProfile(most_output=tokens), source, SEEN) for pattern in patterns)


LIMITS: tuple[Family, ...] = (
    # "max_tokens is too large: 32000. This model supports at most 16384 completion tokens".
    *_most(4096, GPT, "gpt-3.5-turbo", "gpt-3.5-turbo-1106", "gpt-3.5-turbo-0125", "gpt-4-turbo*", "gpt-4-1106-*"),
    *_most(16_384, GPT_4O, "gpt-4o", "gpt-4o-2024*", "gpt-4o-mini", "gpt-4o-mini-2024*", "chatgpt-4o-latest"),
    *_most(4096, GPT, "gpt-4o-2024-05-13"),
    *_most(32_768, GPT_4_1, "gpt-4.1*"),
    *_most(100_000, O_SERIES, "o[13]", "o1-20*", "o1-pro*", "o3-*", "o4-mini*"),
    *_most(128_000, GPT_MODELS, "gpt-5", "gpt-5-*", "gpt-5.[1-5]", "gpt-5.[1-5]-*"),
    *_most(16_384, GPT_MODELS, "gpt-5-chat*", "gpt-5.[1-3]-chat*"),
    # "max_tokens: 8192 > 4096, which is the maximum allowed number of output tokens for claude-3-haiku-20240307".
    *_most(4096, CLAUDE_3, "*claude-3-opus*", "*claude-3-sonnet*", "*claude-3-haiku*"),
    *_most(8192, CLAUDE_3_5, "*claude-3[-.]5-*"),
    *_most(32_000, CLAUDE_4, "*claude-opus-4", "*claude-opus-4[-@]20*", "*claude-opus-4[-.][01]*"),
    *_most(64_000, CLAUDE_4, "*claude-sonnet-4", "*claude-sonnet-4-0", "*claude-sonnet-4[-@]20*", "*claude-*-4[-.]5*"),
    *_most(128_000, CLAUDE, "*claude-*-4[-.][6-9]*", *CLAUDE_5),
    # "it has a maxOutputTokens value of 655360 but the supported range is from 1 (inclusive) to 8193 (exclusive)".
    *_most(8192, GEMINI_2, "gemini-1.5-*", "gemini-2.0-flash", "gemini-2.0-flash-0*", "gemini-2.0-flash-lite*"),
    *_most(65_535, GEMINI, "gemini-2.5-pro*", "gemini-2.5-flash", "gemini-2.5-flash-lite*"),
    # "Range of max_tokens should be [1, 8192]".
    *_most(8192, QWEN, "qwen-max", "qwen-max-20*"),
    *_most(131_072, QWEN_3_8, "qwen3.8-max*"),
)
"""A row of a narrower family stands after that of a wider one."""
