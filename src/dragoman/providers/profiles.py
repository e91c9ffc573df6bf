"""Families of models, by the names of their models: what each needs and takes, with the source and the date.

A row is about the models, at every service. What it does not say is not known, and then a request is sent as it is.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from msgspec.structs import asdict

from dragoman.config import ProfileConfig
from dragoman.providers.efforts import EFFORTS
from dragoman.providers.family import Family
from dragoman.providers.limits import LIMITS
from dragoman.types import ModelProfile, SchemaLimit

PENALTIES = ("frequency_penalty", "presence_penalty")
SAMPLING = ("temperature", "top_p", *PENALTIES)
"""Fields that steer the choice among tokens: models that think do that themselves."""

PLAIN_ROOT: tuple[SchemaLimit, ...] = ("plain-root",)
OPENAI_LIMITS: tuple[SchemaLimit, ...] = (
    *PLAIN_ROOT,
    "array-items",  # https://github.com/digitalocean-labs/mcp-digitalocean/issues/265
    "old-drafts",  # https://github.com/vercel/ai/issues/2271
    "plain-patterns",  # https://github.com/Alishahryar1/free-claude-code/issues/1730
)

OPENAI_SAMPLING = (*SAMPLING, "top_logprobs")
"""Log probabilities are refused as well: "You are not allowed to request logprobs from this model", 403
(confident-ai/deepeval#2184)."""

OPENAI_REASONING = ModelProfile(
    unsupported_fields=OPENAI_SAMPLING, reasoning_returns=False, schema_limits=OPENAI_LIMITS
)
OPENAI_SERIAL = ModelProfile(unsupported_fields=(*OPENAI_SAMPLING, "verbosity", "parallel_tool_calls"))
"""What the models of the o-series refuse besides: "Unsupported parameter: 'parallel_tool_calls' is not supported with
this model"."""
OPENAI_SERIAL_NEWER = ModelProfile(unsupported_fields=(*(OPENAI_SERIAL.unsupported_fields or ()), "stop"))
OPENAI_NEWER = ModelProfile(unsupported_fields=(*OPENAI_SAMPLING, "stop"))
"""What the later of these models refuse besides: "Unsupported parameter: 'stop' is not supported with this model"."""
OPENAI_CODEX = ModelProfile(unsupported_fields=(*OPENAI_SAMPLING, "stop", "verbosity"))
OPENAI_CODEX_LATER = ModelProfile(unsupported_fields=("stop", "verbosity"))
OPENAI_VERBOSITY = "https://github.com/theopenco/llmgateway/pull/2989"
OPENAI_GUIDE = "https://platform.openai.com/docs/guides/reasoning"
OPENAI_PARALLEL = "https://github.com/run-llama/llama_index/issues/20865"
OPENAI_STOP = "https://github.com/BerriAI/litellm/pull/15244"
DEEPSEEK_GUIDE = "https://api-docs.deepseek.com/guides/thinking_mode"
MIMO_GUIDE = "https://platform.xiaomimimo.com/docs/en-US/usage-guide/passing-back-reasoning_content"
GLM_GUIDE = "https://docs.z.ai/guides/capabilities/thinking-mode"
MINIMAX_RETURNS = "https://github.com/OpenHands/software-agent-sdk/pull/1152"
KIMI_ERROR = "https://github.com/MoonshotAI/kimi-cli/issues/1616"
KIMI_NEWER = ("kimi-k2.[5-9]*", "kimi-k3*", "kimi-for-coding*", "k3", "k3-*")
KIMI_SAMPLING = "https://github.com/iOfficeAI/gemini-cli-pro/pull/30"
KIMI_SCHEMA = "https://github.com/MoonshotAI/kimi-code/issues/2661"
GROK_SCHEMA = "https://github.com/oomkapwn/enquire-mcp/issues/360"
DEEPSEEK_VISION = "https://github.com/dengmengmian/muxlayer/releases/tag/v2.0.1"
CLAUDE_GUIDE = "https://platform.claude.com/docs/en/about-claude/models/migration-guide"
CLAUDE_THINKING = "https://platform.claude.com/docs/en/build-with-claude/effort"
CLAUDE_FORM_GUIDE = "https://platform.claude.com/docs/en/build-with-claude/structured-outputs"
CLAUDE_PREFILL = "https://github.com/Kilo-Org/kilocode/issues/13286"
CLAUDE_FORMLESS = "https://github.com/theopenco/llmgateway/pull/1473"
CLAUDE_OLDER = (
    "*claude-3*",
    *(f"*claude-{name}-4{end}" for name in ("opus", "sonnet") for end in ("", "[-@]20*", "-0")),
)
GEMINI_SIGNATURES = "https://ai.google.dev/gemini-api/docs/thought-signatures"
GEMINI_THINKING = "https://ai.google.dev/gemini-api/docs/thinking"

GEMINI_MIXED = "https://github.com/lbjlaq/Antigravity-Manager/issues/2241"
GEMINI_RESULTS = "https://github.com/google-gemini/gemini-cli/issues/19436"
GEMINI_FORM = "https://github.com/symfony/ai/issues/1777"
GEMINI_PENALTIES = "https://github.com/google-gemini/cookbook/issues/1290"
GEMINI_ERROR = "https://github.com/AstrBotDevs/AstrBot/issues/7572"

GEMINI_SCHEMA = (
    *("type", "format", "title", "description", "nullable", "enum", "default", "example", "anyOf"),
    *("properties", "required", "propertyOrdering", "minProperties", "maxProperties"),
    *("items", "minItems", "maxItems"),
    *("minimum", "maximum", "minLength", "maxLength", "pattern"),
)
"""The fields of `Schema` in Google's API v1beta, which are some of those that OpenAPI has:
https://docs.cloud.google.com/nodejs/docs/reference/generativelanguage/latest/generativelanguage/protos.google.ai.generativelanguage.v1beta.ischema
"""

GEMINI_FORMATS = ("enum", "date-time", "float", "double", "int32", "int64")
"""The values of `format` that it takes: https://github.com/google-gemini/gemini-cli/issues/3178"""

GEMINI_LIMITS: tuple[SchemaLimit, ...] = (
    "single-type",  # https://github.com/taylorwilsdon/google_workspace_mcp/issues/1099
    "string-enums",  # https://github.com/NousResearch/hermes-agent/pull/15082
    "lone-any-of",  # https://github.com/BerriAI/litellm/issues/11164
    "no-booleans",
    "plain-root",
    "array-items",  # https://github.com/kkrishnan90/gemini-desktop/pull/7
    "declared-required",
    "plain-patterns",  # https://github.com/langfuse/langfuse/issues/14770
)
"""Forms that it refuses although it has the fields."""

OPENAI_FORM = ModelProfile(
    format_keywords=(
        *(
            "type",
            "format",
            "title",
            "description",
            "default",
            "enum",
            "const",
            "anyOf",
            "$ref",
            "$defs",
            "definitions",
        ),
        *("properties", "required", "additionalProperties", "items", "minItems", "maxItems", "pattern"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    ),
    format_formats=("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"),
    format_limits=("plain-patterns",),
)
"""What a strict form may use, and no `allOf`, `oneOf`, `not` or `if`. That all properties are required and no others
allowed is for the caller to say, since it asked for a strict form."""
OPENAI_FORM_GUIDE = "https://platform.openai.com/docs/guides/structured-outputs#supported-schemas"

CLAUDE_FORM = ModelProfile(
    format_keywords=(
        *("type", "format", "title", "description", "default", "enum", "const", "anyOf", "allOf", "$ref", "$defs"),
        *("definitions", "properties", "required", "additionalProperties", "items"),
    ),
    format_formats=(*("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"),),
    format_limits=("open-objects",),
)
"""What the vendor's client keeps of a schema (anthropic 2.14, `lib/_parse/_transform.py`): others are refused."""

FORMLESS = ModelProfile(unsupported_fields=("response_format",))
BUDGETS_ALONE = ModelProfile(thinking_levels=False)
SINGLE_SAMPLING = ModelProfile(single_sampling=True)
CLAUDE_ADAPTIVE = ModelProfile(thinking_levels=True, unsupported_fields=("temperature", "top_p", "top_k"))
OPENAI_IDS = "https://github.com/anomalyco/opencode/issues/12653"
OPENAI_CACHING = "https://developers.openai.com/api/docs/guides/prompt-caching"
OPENAI_UNMARKED = ("*gpt-[34]*", "gpt-5", "gpt-5-*", "gpt-5.[0-5]*", "gpt-5.6-terra*", "o[134]", "o[134]-*")
OPENAI_TOOLS = "https://github.com/openai/openai-openapi/issues/541"
OPENAI_LATER = ("gpt-5.[1-9]", "gpt-5.[1-9]-*", "gpt-[6-9]*")
OPENAI_STILL = ("gpt-5.[4-9]", "gpt-5.[4-9]-*", "gpt-[6-9]*")
OPENAI_CALLS = ("*gpt-[3-9]*", "o[134]", "o[134]-*")
MISTRAL_IDS = "https://github.com/anomalyco/opencode/issues/1680"
QWEN_SYSTEM = "https://github.com/QwenLM/Qwen3.8/issues/186"
MISTRAL_GUIDE = "https://docs.mistral.ai/studio-api/conversations/reasoning"
MISTRAL_TURNS = "https://github.com/NousResearch/hermes-agent/issues/20154"
MISTRAL_CALLS = ("*mistral*", "*mixtral*", "*ministral*", "*codestral*", "*devstral*", "*magistral*", "*pixtral*")
FUNCTIONS_ALONE = "https://github.com/ollama/ollama/issues/17673"
OPEN_WEIGHTS = (
    *("*gpt-oss*", "*qwen*", "*deepseek*", "*glm-*", "*gemma*", "*llama*", "*kimi*", "*minimax*"),
    *MISTRAL_CALLS,
)
CLAUDE_NEWEST = (
    "*claude-*-4[-.][7-9]*",
    "*claude-opus-[5-9]*",
    "*claude-sonnet-[5-9]*",
    "*claude-haiku-[5-9]*",
    "*claude-fable-*",
    "*claude-mythos-*",
)
"""The models that think as they like, and take no settings of the choice among tokens."""

OPENAI_MODELS = "https://platform.openai.com/docs/models"
OPENAI_SIZES = "https://github.com/labring/fastgpt-plugin/pull/297"
CLAUDE_MODELS = "https://platform.claude.com/docs/en/about-claude/models/overview"
GEMINI_MODELS = "https://ai.google.dev/gemini-api/docs/models"


def _sizes(context: int, source: str, *patterns: str) -> tuple[Family, ...]:
    return tuple(Family(pattern, ModelProfile(context=context), source, "2026-11-26") for pattern in patterns)


CONTEXTS: tuple[Family, ...] = (
    *_sizes(128_000, OPENAI_MODELS, "gpt-4o*", "gpt-4-turbo*", "o1-mini*", "o1-preview*"),
    *_sizes(1_047_576, OPENAI_MODELS, "gpt-4.1*"),
    *_sizes(200_000, OPENAI_MODELS, "o[13]", "o1-20*", "o1-pro*", "o3-*", "o4-mini*"),
    *_sizes(400_000, OPENAI_SIZES, "gpt-5", "gpt-5-*", "gpt-5.[12]*"),
    *_sizes(128_000, OPENAI_SIZES, "gpt-5-chat*", "gpt-5.[12]-chat*"),
    *_sizes(200_000, CLAUDE_MODELS, "*claude-3*", "*claude-*-4-20*", "*claude-*-4[-.][15]*"),
    *_sizes(1_000_000, CLAUDE_MODELS, "*claude-*-4[-.][6-9]*"),
    *_sizes(1_048_576, GEMINI_MODELS, "gemini-2.[05]-*", "gemini-1.5-flash*"),
    *_sizes(2_097_152, GEMINI_MODELS, "gemini-1.5-pro*"),
)
"""How much they hold. A service may offer less; what its own list says goes before."""

FAMILIES: tuple[Family, ...] = (
    *CONTEXTS,
    *LIMITS,
    # "Penalty is not enabled for this model": 400, except of those of 2.0.
    Family("gemini-*", ModelProfile(unsupported_fields=PENALTIES), GEMINI_PENALTIES, "2026-11-28"),
    Family("gemini-2.0-*", ModelProfile(unsupported_fields=()), GEMINI_PENALTIES, "2026-11-28"),
    *EFFORTS,
    # "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level": 400.
    Family(
        "*gpt-[3-9]*",
        ModelProfile(schema_limits=OPENAI_LIMITS),
        "https://github.com/langchain-ai/langchainjs/issues/9804",
        "2026-11-26",
    ),
    Family("o[134]", OPENAI_REASONING, OPENAI_GUIDE, "2026-11-26"),
    Family("o[134]-*", OPENAI_REASONING, OPENAI_GUIDE, "2026-11-26"),
    *(Family(pattern, OPENAI_SERIAL, OPENAI_PARALLEL, "2026-11-28") for pattern in ("o[13]", "o[13]-*")),
    *(
        Family(pattern, OPENAI_SERIAL_NEWER, OPENAI_STOP, "2026-11-26")
        for pattern in ("o3", "o3-20*", "o3-pro*", "o4-mini*")
    ),
    # From gpt-5.1 on the models take the others of these fields unless they think (vercel/ai#10932).
    Family("gpt-5.*", ModelProfile(unsupported_fields=("stop",)), OPENAI_STOP, "2026-11-26"),
    Family("gpt-5", OPENAI_REASONING, "https://github.com/tmc/langchaingo/issues/1355", "2026-11-26"),
    Family("gpt-5-*", OPENAI_REASONING, "https://github.com/tmc/langchaingo/issues/1355", "2026-11-26"),
    *(Family(pattern, OPENAI_NEWER, OPENAI_STOP, "2026-11-26") for pattern in ("gpt-5", "gpt-5-*")),
    # The model of this family that does not think takes them.
    Family(
        "gpt-5-chat*",
        ModelProfile(unsupported_fields=("reasoning.display", "verbosity")),
        "https://learnku.com/articles/90544",
        "2026-11-26",
    ),
    # "Unsupported value: 'low' is not supported with the 'gpt-5.1-codex-max' model. Supported values are: 'medium'", of
    # `text.verbosity`: 400 (openai/codex#9035).
    Family("gpt-5-codex*", OPENAI_CODEX, OPENAI_VERBOSITY, "2026-11-28"),
    Family("gpt-5.[12]-codex*", OPENAI_CODEX_LATER, OPENAI_VERBOSITY, "2026-11-28"),
    # "think value "medium" is not supported for this model": 400 of Ollama, except for these (ollama/ollama#12561).
    Family(
        "gpt-oss*", ModelProfile(thinking_levels=True), "https://docs.ollama.com/capabilities/thinking", "2026-11-26"
    ),
    # R1's own service answered 400 to reasoning in a request; V3.2 and later answer 400 if that of a call is missing.
    Family(
        "deepseek-r1*",
        ModelProfile(reasoning_returns=False),
        "https://api-docs.deepseek.com/guides/reasoning_model",
        "2026-11-26",
    ),
    Family("deepseek-reasoner", ModelProfile(reasoning_returns=True), DEEPSEEK_GUIDE, "2026-11-26"),
    Family("deepseek-v3.2*", ModelProfile(reasoning_returns=True), DEEPSEEK_GUIDE, "2026-11-26"),
    Family("deepseek-v4*", ModelProfile(reasoning_returns=True), DEEPSEEK_GUIDE, "2026-11-26"),
    Family(
        "deepseek-v4-flash*",
        ModelProfile(images=False),
        "https://docs.apiyi.com/models/deepseek-v4-flash.md",
        "2026-11-26",
    ),
    Family("deepseek-flash", ModelProfile(reasoning_returns=True), DEEPSEEK_GUIDE, "2026-11-26"),
    Family("deepseek-v4-flash-vision*", ModelProfile(images=True), DEEPSEEK_VISION, "2026-11-28"),
    # "messages[137]: unknown variant image_url, expected text": 400, for the whole of a conversation with a picture.
    Family("deepseek-v4-pro*", ModelProfile(images=False), DEEPSEEK_VISION, "2026-11-28"),
    # "thinking is enabled but reasoning_content is missing in assistant tool call message": 400.
    *(
        Family(pattern, ModelProfile(reasoning_returns=True), KIMI_ERROR, "2026-11-28")
        for pattern in ("kimi-k2-thinking*", *KIMI_NEWER)
    ),
    # "The reasoning_content in the thinking mode must be passed back to the API.": 400 (chatboxai/chatbox#3716).
    Family("mimo-v[2-9]*", ModelProfile(reasoning_returns=True), MIMO_GUIDE, "2026-11-29"),
    # They think between calls, and want the thoughts back with the results; else they begin anew after each.
    *(
        Family(pattern, ModelProfile(reasoning_returns=True), GLM_GUIDE, "2026-11-29")
        for pattern in ("glm-4.[5-9]*", "glm-[5-9]*")
    ),
    Family("minimax-m[2-9]*", ModelProfile(reasoning_returns=True), MINIMAX_RETURNS, "2026-11-29"),
    *(
        Family(pattern, ModelProfile(reasoning_returns=True), MISTRAL_GUIDE, "2026-11-29")
        for pattern in ("magistral-*", "mistral-small-latest", "mistral-small-26*", "mistral-medium-2604*")
    ),
    # "invalid temperature: only 1 is allowed for this model": 400.
    *(
        Family(pattern, ModelProfile(unsupported_fields=SAMPLING), KIMI_SAMPLING, "2026-11-28")
        for pattern in KIMI_NEWER
    ),
    # "when using anyOf, type should be defined in anyOf items instead of the parent schema": 400, for all tools.
    *(
        Family(pattern, ModelProfile(schema_limits=(*PLAIN_ROOT, "lone-any-of")), KIMI_SCHEMA, "2026-11-28")
        for pattern in ("kimi-*", "k3", "k3-*")
    ),
    # From Gemini 3 on a call without its signature is a 400; the older models take budgets of thinking alone.
    Family("gemini-*", ModelProfile(thinking_levels=True, signed_calls=True), GEMINI_SIGNATURES, "2026-11-26"),
    Family("gemini-[12]*", ModelProfile(thinking_levels=False, signed_calls=False), GEMINI_THINKING, "2026-11-26"),
    # "Built-in tools and Function Calling cannot be combined in the same request": 400; later ones want to be told.
    Family("gemini-[12]*", ModelProfile(mixed_tools=False), GEMINI_MIXED, "2026-11-26"),
    # "`function_response.parts` is not supported for this model": 400.
    Family("gemini-[12]*", ModelProfile(result_media=False), GEMINI_RESULTS, "2026-11-29"),
    # "Function calling with a response mime type: 'application/json' is unsupported": 400.
    Family("gemini-[12]*", ModelProfile(form_with_tools=False), GEMINI_FORM, "2026-11-28"),
    # They have no form of the answer but text; from Opus 4.1 and Sonnet 4.5 on they have schemas.
    *(Family(pattern, FORMLESS, CLAUDE_FORMLESS, "2026-11-28") for pattern in CLAUDE_OLDER),
    # The older ones go on from an assistant's message at the end of the conversation.
    Family("*claude-3*", ModelProfile(prefill=True), CLAUDE_GUIDE, "2026-11-26"),
    Family("*claude-*-4*", ModelProfile(prefill=True), CLAUDE_GUIDE, "2026-11-26"),
    Family("*claude-*-4[-.][6-9]*", ModelProfile(prefill=False), CLAUDE_GUIDE, "2026-11-26"),
    *(Family(pattern, ModelProfile(prefill=False), CLAUDE_PREFILL, "2026-11-28") for pattern in CLAUDE_NEWEST),
    # "This model does not support the effort parameter", "adaptive thinking is not supported on this model": 400
    # (Oaklight/llm-rosetta#289, mnfst/llm-gateway#1928). 4.6 takes tokens and words, later ones words alone.
    Family("*claude-3*", BUDGETS_ALONE, CLAUDE_THINKING, "2026-11-26"),
    Family("*claude-*-4", BUDGETS_ALONE, CLAUDE_THINKING, "2026-11-26"),
    Family("*claude-*-4[-.@][0-5]*", BUDGETS_ALONE, CLAUDE_THINKING, "2026-11-26"),
    # "temperature and top_p cannot both be specified for this model": 400, from Opus 4.1 on.
    Family("*claude-*-4[-.][156]", SINGLE_SAMPLING, CLAUDE_GUIDE, "2026-11-26"),
    Family("*claude-*-4[-.][156][-@]*", SINGLE_SAMPLING, CLAUDE_GUIDE, "2026-11-26"),
    # "thinking.type.enabled is not supported for this model", "temperature is deprecated for this model": 400.
    *(Family(pattern, CLAUDE_ADAPTIVE, CLAUDE_GUIDE, "2026-11-26") for pattern in CLAUDE_NEWEST),
    # "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'": 400; Kimi's own ids have other characters, and it
    # wants them back in the same protocol (BerriAI/litellm#34523).
    Family("*claude-*", ModelProfile(call_ids="plain"), CLAUDE_GUIDE, "2026-11-26"),
    # "tool_calls[0].id: string too long": 400 (anomalyco/opencode#12653, langgenius/dify#28987, openclaw/openclaw#875).
    *(Family(pattern, ModelProfile(call_ids="short"), OPENAI_IDS, "2026-11-27") for pattern in OPENAI_CALLS),
    # "Unsupported parameter: 'temperature' is not supported with this model": 400, while it thinks (vercel/ai#10932).
    *(
        Family(pattern, ModelProfile(sampling_with_effort=False), OPENAI_GUIDE, "2026-11-28")
        for pattern in OPENAI_LATER
    ),
    # "Function tools with reasoning_effort are not supported for gpt-5.6 in /v1/chat/completions": 400, from 5.6 on
    # even without an effort (BerriAI/litellm#34569, onyx-dot-app/onyx#15008).
    *(Family(pattern, ModelProfile(effort_with_tools=False), OPENAI_TOOLS, "2026-11-28") for pattern in OPENAI_STILL),
    # "prompt_cache_breakpoint is not supported on this model": 400 (Kilo-Org/kilocode#13052), before gpt-5.6.
    *(Family(pattern, ModelProfile(breakpoints=False), OPENAI_CACHING, "2026-11-28") for pattern in OPENAI_UNMARKED),
    # "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9": 400, also of templates of open weights.
    *(Family(pattern, ModelProfile(call_ids="nine"), MISTRAL_IDS, "2026-11-27") for pattern in MISTRAL_CALLS),
    # "Unexpected role 'user' after role 'tool'": 400, also of open weights (avante-corp/avante.nvim#2562).
    *(
        Family(pattern, ModelProfile(user_after_results=False), MISTRAL_TURNS, "2026-11-28")
        for pattern in MISTRAL_CALLS
    ),
    # "System message must be at the beginning.": 400, and "Unexpected message role." for `developer`; agents say both
    # (anthropics/claude-code#77698, QwenLM/Qwen3.8#164, ollama/ollama#17774, RunanywhereAI/wally#77).
    Family("*qwen3.[5-9]*", ModelProfile(system_anywhere=False), QWEN_SYSTEM, "2026-11-29"),
    # "Ignoring unsupported tool type(s): custom" (LM Studio): programs that serve open weights know functions alone, so
    # that a model never hears of Codex's `apply_patch`, or the turn after its call is a 400 (Ollama).
    # openai/codex#22294, ggml-org/llama.cpp#23041
    *(Family(pattern, ModelProfile(freeform_tools=False), FUNCTIONS_ALONE, "2026-11-29") for pattern in OPEN_WEIGHTS),
    # "[1210] Invalid API parameter": 400, for all tools.
    Family(
        "glm-*",
        ModelProfile(schema_limits=("plain-patterns",)),
        "https://github.com/zai-org/feedback/issues/593",
        "2026-11-29",
    ),
    # "'items' must be a schema (object or boolean), not an array.": 400, for all tools.
    Family("*grok-*", ModelProfile(schema_limits=("old-drafts",)), GROK_SCHEMA, "2026-11-29"),
    # "input_schema does not support oneOf, allOf, or anyOf at the top level": 400; Kimi does, in the same protocol.
    # "input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'": 400, for all tools.
    # "JSON schema is invalid. It must match JSON Schema draft 2020-12": 400, for all tools.
    # ComposioHQ/composio#3500, twilio-labs/mcp#58, hyperdxio/hyperdx#2925
    Family(
        "*claude-*",
        ModelProfile(schema_limits=(*PLAIN_ROOT, "plain-names", "old-drafts")),
        "https://github.com/MoonshotAI/kimi-code/issues/2328",
        "2026-11-26",
    ),
    Family("*gpt-[4-9]*", OPENAI_FORM, OPENAI_FORM_GUIDE, "2026-11-26"),
    Family("o[134]", OPENAI_FORM, OPENAI_FORM_GUIDE, "2026-11-26"),
    Family("o[134]-*", OPENAI_FORM, OPENAI_FORM_GUIDE, "2026-11-26"),
    Family("*claude-*", CLAUDE_FORM, CLAUDE_FORM_GUIDE, "2026-11-26"),
    # Any other keyword of a tool is "Unknown name" there: 400, also at services with OpenAI's protocol in front.
    Family(
        "gemini-*",
        ModelProfile(schema_keywords=GEMINI_SCHEMA, schema_formats=GEMINI_FORMATS, schema_limits=GEMINI_LIMITS),
        GEMINI_ERROR,
        "2026-11-26",
    ),
)
"""Later rows add to earlier ones; if both have a fact, the later row holds."""


MAX_KNOWN = 1000
"""Models whose profile is kept. Callers may invent names; when there are more, all are forgotten."""


class Families:
    """The rows in use: those that we know, and then those of a configuration, whose names are patterns."""

    def __init__(self, own: Mapping[str, ProfileConfig] | None = None) -> None:
        said = (own or {}).items()
        rows = (Family(name, ModelProfile(**asdict(entry)), "the configuration", "") for name, entry in said)
        self._rows = (*FAMILIES, *rows)
        self._known: dict[str, ModelProfile] = {}

    def profile_of(self, model: str) -> ModelProfile:
        """What is known of `model`, whose name may begin with its maker: `deepseek-ai/DeepSeek-V3.2`."""
        profile = self._known.get(model)
        if profile is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            profile = self._known[model] = self._look_up(model.lower())
        return profile

    def _look_up(self, name: str) -> ModelProfile:
        own = name.rpartition("/")[2]
        profile = ModelProfile()
        for row in self._rows:
            pattern = row.pattern.lower()
            if fnmatchcase(own, pattern) or (own != name and fnmatchcase(name, pattern)):
                profile = row.profile.over(profile)
        return profile


KNOWN = Families()
"""Without a configuration."""
