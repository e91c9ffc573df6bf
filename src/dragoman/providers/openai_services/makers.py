"""Makers of models that serve them by OpenAI's chat protocol."""

from dragoman.providers.openai_services.row import PI, Quirk, ServiceRow

GLM = "https://java.agentscope.io/v2/en/integration/model/glm"
KIMI = "https://java.agentscope.io/v2/en/integration/model/kimi"
DASHSCOPE = "https://www.alibabacloud.com/help/en/model-studio/deep-thinking"

OF_MOONSHOT = (
    Quirk("developer_role", False, "400 for the role", "OpenCoworkAI/open-codesign#183", "2026-11-26"),
    Quirk("strict_tools", False, "`strict` of a tool is not in its API", KIMI, "2026-11-26"),
    Quirk(
        "missing_reasoning",
        " ",
        "400: reasoning_content is missing in assistant tool call message; an empty one counts as missing",
        "theopenco/llmgateway#2093, earendil-works/pi#4178",
        "2026-11-28",
    ),
    Quirk(
        "thinking_field",
        "thinking_or_effort",
        "400: cannot specify both 'thinking' and 'reasoning_effort'",
        "HKUDS/nanobot#3939",
        "2026-11-28",
    ),
    Quirk(
        "efforts",
        (("kimi-k2*", ("none", "default")),),
        "switched by `thinking.type`; only kimi-k3 knows the effort",
        "https://platform.kimi.ai/docs/api/chat",
        "2026-11-28",
    ),
    Quirk(
        "thinking_choices",
        ("auto", "none"),
        "400: tool_choice is incompatible with thinking enabled",
        "https://docs.rs/crate/harn-vm/latest/source/src/llm/capability_sources/20-providers/35-moonshot.toml",
        "2026-11-26",
    ),
)

OF_ZHIPU = (
    Quirk(
        "developer_role", False, "400, code 1214: incorrect role information", "openclaw/openclaw#23115", "2026-11-26"
    ),
    Quirk("message_names", False, "the field is not in its API", GLM, "2026-11-26"),
    Quirk("strict_tools", False, "the field is not in its API", GLM, "2026-11-26"),
    Quirk("tool_choices", ("auto",), "the only choice that it takes", GLM, "2026-11-26"),
    Quirk(
        "thinking_field",
        "thinking",
        "switched by `thinking.type`",
        "https://docs.z.ai/guides/develop/openai/python",
        "2026-11-26",
    ),
    Quirk("refused_fields", ("frequency_penalty", "presence_penalty"), "they are not in its API", GLM, "2026-11-26"),
)

OF_DASHSCOPE = (
    Quirk(
        "developer_role",
        False,
        "400: developer is not one of system, assistant, user, tool, function",
        "OpenCoworkAI/open-codesign#183",
        "2026-11-26",
    ),
    Quirk("thinking_field", "enable_thinking", "a switch and `thinking_budget`", DASHSCOPE, "2026-11-26"),
    Quirk(
        "breakpoints",
        "cache_control",
        "an explicit cache costs half of what an implicit one does, and is found for sure",
        "https://help.aliyun.com/en/model-studio/context-cache",
        "2026-11-28",
    ),
    Quirk(
        "whole_answers",
        False,
        "400 from models that think: only stream mode is supported; enable_thinking must be false for other calls",
        "infiniflow/ragflow#5912, QuantumNous/new-api#1109",
        "2026-11-28",
    ),
    Quirk(
        "thinking_choices",
        ("auto", "none"),
        "400: tool_choice may not be required or object in thinking mode",
        "cloudwego/eino#994",
        "2026-11-26",
    ),
)

MAKERS: tuple[ServiceRow, ...] = (
    ServiceRow(
        "Mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        "https://docs.mistral.ai/api",
        "2026-11-26",
        (
            Quirk("seed_field", "random_seed", "its own name", "https://docs.mistral.ai/api", "2026-11-26"),
            Quirk(
                "stream_usage",
                False,
                "422: extra inputs; usage comes without being asked for",
                "avante-corp/avante.nvim#2347",
                "2026-11-26",
            ),
            Quirk("web_search", False, "422, as for any unknown field", "Gitlawb/openclaude#739", "2026-11-26"),
            Quirk("message_names", False, "422: extra inputs", "nomtek/mistralai_client_dart#44", "2026-11-26"),
            Quirk("developer_role", False, "422: no such tag of a message", "bramses/chatgpt-md#189", "2026-11-26"),
            Quirk(
                "refused_fields",
                ("store", "reasoning", "top_k", "user", "safety_identifier", "top_logprobs", "verbosity"),
                "422: extra inputs; its API has none of them",
                "Gitlawb/openclaude#739, charmbracelet/crush#1590",
                "2026-11-26",
            ),
        ),
    ),
    ServiceRow(
        "DeepSeek",
        "DeepSeek",
        "https://api.deepseek.com",
        "DEEPSEEK_API_KEY",
        "https://api-docs.deepseek.com",
        "2026-11-26",
        (
            Quirk("developer_role", False, "400: unknown variant", "earendil-works/pi#1048", "2026-11-26"),
            Quirk(
                "missing_reasoning",
                "",
                "400: reasoning_content must be passed back, also in messages of other models",
                "Astro-Han/pawwork#261, openclaw/openclaw#73417",
                "2026-11-28",
            ),
            Quirk(
                "json_schema",
                False,
                "400: this response_format type is unavailable now",
                "BerriAI/litellm#31466",
                "2026-11-26",
            ),
            Quirk(
                "thinking_field",
                "thinking",
                "switched by `thinking.type`",
                "https://api-docs.deepseek.com/guides/thinking_mode",
                "2026-11-26",
            ),
            Quirk(
                "thinking_choices",
                ("auto", "none"),
                "400: thinking mode does not support this tool_choice",
                "deepseek-ai/DeepSeek-V3#1376",
                "2026-11-26",
            ),
        ),
        completions="/beta/completions",
    ),
    ServiceRow(
        "XAI",
        "xAI",
        "https://api.x.ai/v1",
        "XAI_API_KEY",
        "https://docs.x.ai/developers/model-capabilities/text/comparison",
        "2026-11-26",
        (
            Quirk("developer_role", False, "not taken", PI, "2026-11-26"),
            Quirk(
                "refused_fields",
                ("frequency_penalty", "presence_penalty", "stop"),
                "400 from all models that think, which are all that it offers",
                "miaoxworld/NativeTavern#83, mnfst/modelparams.dev#330",
                "2026-11-26",
            ),
        ),
    ),
    ServiceRow(
        "Moonshot",
        "Moonshot AI (Kimi)",
        "https://api.moonshot.ai/v1",
        "MOONSHOT_API_KEY",
        "https://platform.kimi.ai/docs/api/overview",
        "2026-11-26",
        OF_MOONSHOT,
    ),
    ServiceRow(
        "MoonshotChina",
        "Moonshot AI (China)",
        "https://api.moonshot.cn/v1",
        "MOONSHOT_API_KEY",
        "https://docs.litellm.ai/docs/providers/moonshot",
        "2026-11-26",
        OF_MOONSHOT,
    ),
    ServiceRow(
        "ZAI",
        "Z.ai (GLM)",
        "https://api.z.ai/api/paas/v4",
        "ZAI_API_KEY",
        "https://docs.z.ai/guides/develop/openai/python",
        "2026-11-26",
        OF_ZHIPU,
    ),
    ServiceRow(
        "Zhipu",
        "Zhipu (BigModel)",
        "https://open.bigmodel.cn/api/paas/v4",
        "ZHIPUAI_API_KEY",
        GLM,
        "2026-11-26",
        OF_ZHIPU,
    ),
    ServiceRow(
        "DashScope",
        "Alibaba Model Studio",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        "DASHSCOPE_API_KEY",
        DASHSCOPE,
        "2026-11-26",
        OF_DASHSCOPE,
    ),
    ServiceRow(
        "DashScopeChina",
        "Alibaba Bailian (China)",
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "DASHSCOPE_API_KEY",
        "cloudwego/eino#994",
        "2026-11-26",
        OF_DASHSCOPE,
    ),
    ServiceRow(
        "MiniMax",
        "MiniMax",
        "https://api.minimax.io/v1",
        "MINIMAX_API_KEY",
        "https://platform.minimax.io/docs/guides/quickstart",
        "2026-11-26",
        (
            Quirk(
                "max_tokens_field",
                "max_completion_tokens",
                "max_tokens is deprecated",
                "https://java.agentscope.io/v2/en/integration/model/minimax",
                "2026-11-26",
            ),
            Quirk(
                "strict_tools",
                False,
                "the field is not in its API",
                "https://java.agentscope.io/v2/en/integration/model/minimax",
                "2026-11-26",
            ),
        ),
    ),
    ServiceRow(
        "Cohere",
        "Cohere",
        "https://api.cohere.ai/compatibility/v1",
        "COHERE_API_KEY",
        "https://docs.cohere.com/docs/compatibility-api",
        "2026-11-26",
        (
            Quirk(
                "stream_usage",
                False,
                "refused",
                "https://strandsagents.com/docs/user-guide/concepts/model-providers/cohere/",
                "2026-11-26",
            ),
        ),
    ),
    ServiceRow(
        "GeminiOpenAI",
        "Gemini, by OpenAI's protocol",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
        "https://ai.google.dev/gemini-api/docs/openai",
        "2026-11-26",
        (
            Quirk("web_search", False, "400, as for any unknown field", "Vali-98/ChatterUI#227", "2026-11-26"),
            Quirk(
                "refused_fields",
                (
                    "frequency_penalty",
                    "presence_penalty",
                    "seed",
                    "store",
                    "top_k",
                    "cache_key",
                    "metadata",
                    "verbosity",
                ),
                "400: Unknown name: Cannot find field",
                "Vali-98/ChatterUI#227, liliMozi/openhanako#2494, MinLL/SkyrimNet-GamePlugin#77, ed-donner/agents#45",
                "2026-11-28",
            ),
        ),
    ),
    ServiceRow(
        "Perplexity",
        "Perplexity",
        "https://api.perplexity.ai",
        "PERPLEXITY_API_KEY",
        "https://docs.perplexity.ai/docs/agent-api/migrate-from-sonar/overview",
        "2026-11-26",
        gone="since 2026-09-27; its Agent API has OpenAI's protocol Responses",
    ),
)
