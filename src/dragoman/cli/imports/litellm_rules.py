"""What becomes of LiteLLM's settings, key by key.

https://docs.litellm.ai/docs/proxy/config_settings, seen 2026-11-26.
"""

from dragoman.cli.imports.ledger import Verdict
from dragoman.cli.imports.services import AZURE, AZURE_KEY, BEDROCK_BY_HAND, CHAT, GCLOUD, VERTEX_BY_HAND, Service
from dragoman.cli.imports.tree import Rule

EXACT, BY_HAND, IMPOSSIBLE = Verdict.EXACT, Verdict.BY_HAND, Verdict.IMPOSSIBLE

SERVICES: dict[str, Service] = {
    "openai": Service("openai"),
    "anthropic": Service("anthropic"),
    "gemini": Service("gemini"),
    "ollama": Service("ollama"),
    "ollama_chat": Service("ollama"),
    "azure": AZURE,
    "baseten": Service("baseten"),
    "cerebras": Service("cerebras"),
    "cohere": Service("cohere"),
    "cohere_chat": Service("cohere"),
    "custom_openai": CHAT,
    "dashscope": Service("dashscope"),
    "deepinfra": Service("deepinfra"),
    "deepseek": Service("deepseek"),
    "docker_model_runner": Service("dockermodels"),
    "fireworks_ai": Service("fireworks"),
    "groq": Service("groq"),
    "hosted_vllm": Service("vllm"),
    "huggingface": Service("huggingface"),
    "hyperbolic": Service("hyperbolic"),
    "litellm_proxy": CHAT,
    "llamafile": Service("llamacpp"),
    "lm_studio": Service("lmstudio"),
    "minimax": Service("minimax"),
    "mistral": Service("mistral"),
    "moonshot": Service("moonshot"),
    "nebius": Service("nebius"),
    "novita": Service("novita"),
    "nvidia_nim": Service("nvidia"),
    "openai_like": CHAT,
    "openrouter": Service("openrouter"),
    "perplexity": Service("perplexity"),
    "poe": Service("poe"),
    "sambanova": Service("sambanova"),
    "together_ai": Service("together"),
    "vercel_ai_gateway": Service("vercel"),
    "xai": Service("xai"),
    "zai": Service("zai"),
}
"""The part of a model's name before the slash, to the service."""

OTHER_VARIABLES = frozenset(
    {"fireworks_ai", "huggingface", "nvidia_nim", "perplexity", "together_ai", "vercel_ai_gateway"}
)
"""Services whose keys LiteLLM reads from variables of other names too, as TOGETHERAI_API_KEY.

BerriAI/litellm, litellm_core_utils/get_llm_provider_logic.py, seen 2026-11-28.
"""

FAMILIES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("gpt-", "chatgpt-", "o1", "o3", "o4", "ft:gpt-", "text-embedding-"), "openai"),
    (("claude-",), "anthropic"),
    (("command-",), "cohere"),
)
"""Beginnings of names that LiteLLM knows without a service, to the service."""

CLOUDS: dict[str, Rule] = {
    "azure": (BY_HAND, 'write an entry with type = "azure" and url = "https://RESOURCE.openai.azure.com/openai/v1"'),
    "azure_ai": (BY_HAND, 'write an entry with type = "azure" or "azureanthropic", and the `url` of your resource'),
    "bedrock": (BY_HAND, BEDROCK_BY_HAND),
    "sagemaker": (
        IMPOSSIBLE,
        "SageMaker wants requests that are signed with AWS credentials, and dragoman sends a key",
    ),
    "vertex_ai": (BY_HAND, VERTEX_BY_HAND),
    "vertex_ai_beta": (BY_HAND, VERTEX_BY_HAND),
    "watsonx": (IMPOSSIBLE, "watsonx wants tokens that expire, and dragoman sends a key"),
}
"""What to do for services that are not called by a key alone, or whose address is not known."""

LIMITS = "dragoman limits no rates and no budgets, only how many requests are under way"
FIXED = "let the caller set it: dragoman adds nothing to a request"
MONEY = "dragoman counts no costs"
PRICE = "dragoman counts no costs: for the strategy `cheapest`, set `price` of the route's target"
SILENCE = (
    "set it, in seconds, in [providers.NAME.timeouts]: `total` for a whole answer, `first_byte` and `idle` for silence"
)
RETRIES = "each target is asked once, then the next: set `attempts` in [models.NAME.retry] for more"
BALANCE = (
    "targets are asked in their order: set `strategy` of the route to spread requests "
    "(weighted, least-busy, latency or cheapest), with `weight = 0` for fallbacks"
)
CALLBACKS = (
    "set gateway.request_log for a line of JSON for each request, or gateway.otel for OpenTelemetry; "
    "Prometheus reads /metrics"
)
NO_CACHE = "dragoman keeps no answers to give them again"
DATABASE = "dragoman has no database of keys, users and models: all is in its file"
ALONE = "gateways on several machines share nothing"

DEPLOYMENT: dict[str, Rule] = {
    "rpm": (IMPOSSIBLE, LIMITS),
    "tpm": (IMPOSSIBLE, LIMITS),
    "max_parallel_requests": (BY_HAND, "set `max_parallel` of the route's target, which counts in each worker"),
    "max_budget": (IMPOSSIBLE, LIMITS),
    "budget_duration": (IMPOSSIBLE, LIMITS),
    "weight": (BY_HAND, 'set `weight` of the route\'s target, and `strategy = "weighted"` of the route'),
    "timeout": (BY_HAND, SILENCE),
    "stream_timeout": (BY_HAND, SILENCE),
    "max_retries": (BY_HAND, RETRIES),
    "num_retries": (BY_HAND, RETRIES),
    "vertex_credentials": (BY_HAND, GCLOUD),
    **dict.fromkeys(("azure_ad_token", "tenant_id", "client_id", "client_secret"), (BY_HAND, AZURE_KEY)),
    "api_version": (IMPOSSIBLE, "dragoman sends no version in the query"),
    "extra_body": (BY_HAND, FIXED),
    "temperature": (BY_HAND, FIXED),
    "top_p": (BY_HAND, FIXED),
    "seed": (BY_HAND, FIXED),
    "stop": (BY_HAND, FIXED),
    "reasoning_effort": (BY_HAND, FIXED),
    "thinking": (BY_HAND, FIXED),
    "max_tokens": (BY_HAND, FIXED),
    "max_completion_tokens": (BY_HAND, FIXED),
    "additional_drop_params": (BY_HAND, "name the settings in `unsupported_fields` of [profiles.MODEL]"),
    "allowed_openai_params": (BY_HAND, "name the fields in providers.NAME.allow_fields"),
    "tags": (IMPOSSIBLE, "dragoman does not choose by tags"),
    "input_cost_per_token": (BY_HAND, PRICE),
    "output_cost_per_token": (BY_HAND, PRICE),
    "input_cost_per_second": (IMPOSSIBLE, MONEY),
    "mock_response": (BY_HAND, "use offline/script, which answers as it is told"),
}
"""Keys of `litellm_params` that make no entry."""

MODES = frozenset({"chat", "completion", "embedding", "responses"})
"""What deployments do that dragoman serves, by the `mode` of their `model_info`."""

OTHER_MODE = (IMPOSSIBLE, "dragoman serves chats, completions of texts and embeddings alone")

MODEL_INFO: dict[str, Rule] = {
    "mode": (EXACT, "dragoman knows it by the path that a caller asks"),
    "id": (IMPOSSIBLE, "a target has no other name than PROVIDER/MODEL"),
    "input_cost_per_token": (BY_HAND, PRICE),
    "output_cost_per_token": (BY_HAND, PRICE),
    "supports_vision": (BY_HAND, "if it is false, set images = false in [profiles.MODEL]"),
    "supports_function_calling": (BY_HAND, "if it is false, set tools = false in [profiles.MODEL]"),
    "access_groups": (IMPOSSIBLE, "every key opens every model"),
}

ROUTING: dict[str, Rule] = {
    "routing_strategy": (BY_HAND, BALANCE),
    "routing_strategy_args": (IMPOSSIBLE, "a strategy has no settings but `weight` and `price` of the targets"),
    "num_retries": (BY_HAND, RETRIES),
    "retry_after": (IMPOSSIBLE, "a target is asked again after the wait that it named, else after a random one"),
    "retry_policy": (BY_HAND, RETRIES),
    "max_fallbacks": (BY_HAND, "set `calls` in [models.NAME.retry]"),
    "allowed_fails": (BY_HAND, "set gateway.breaker_failures: failures in a row after which a target rests"),
    "allowed_fails_policy": (IMPOSSIBLE, "all failures that are not the request's own count alike"),
    "cooldown_time": (BY_HAND, "set gateway.breaker_rest, in seconds"),
    "disable_cooldowns": (BY_HAND, "if it is true, set gateway.breaker_failures = 0"),
    "enable_pre_call_checks": (IMPOSSIBLE, "dragoman counts no tokens before it asks"),
    "timeout": (BY_HAND, SILENCE),
    "stream_timeout": (BY_HAND, SILENCE),
    "request_timeout": (BY_HAND, SILENCE),
    "context_window_fallbacks": (
        BY_HAND,
        "add the larger models to the route's targets, with `context` of each: what is too long goes to one with more",
    ),
    "content_policy_fallbacks": (IMPOSSIBLE, "what a filter stops is told to the caller, and no other target is asked"),
    "redis_host": (IMPOSSIBLE, ALONE),
    "redis_port": (IMPOSSIBLE, ALONE),
    "redis_password": (IMPOSSIBLE, ALONE),
    "redis_url": (IMPOSSIBLE, ALONE),
}
"""Keys of `router_settings`, of which many may stand in `litellm_settings` too."""

MODULE: dict[str, Rule] = {
    **ROUTING,
    "callbacks": (BY_HAND, CALLBACKS),
    "success_callback": (BY_HAND, CALLBACKS),
    "failure_callback": (BY_HAND, CALLBACKS),
    "service_callback": (BY_HAND, CALLBACKS),
    "json_logs": (BY_HAND, "set gateway.request_log for a line of JSON for each request"),
    "turn_off_message_logging": (EXACT, "dragoman logs no messages"),
    "redact_user_api_key_info": (EXACT, "dragoman logs no keys"),
    "telemetry": (EXACT, "dragoman reports to nobody"),
    "cache": (IMPOSSIBLE, NO_CACHE),
    "cache_params": (IMPOSSIBLE, NO_CACHE),
    "max_budget": (IMPOSSIBLE, LIMITS),
    "budget_duration": (IMPOSSIBLE, LIMITS),
    "modify_params": (EXACT, "dragoman always writes what a service takes, and lists what was changed"),
    "ssl_verify": (BY_HAND, "name the file of your own authority in providers.NAME.ca_file; checks are never off"),
    "guardrails": (IMPOSSIBLE, "dragoman looks into no message"),
}
"""Keys of `litellm_settings`."""

GENERAL: dict[str, Rule] = {
    "database_url": (IMPOSSIBLE, DATABASE),
    "database_connection_pool_limit": (IMPOSSIBLE, DATABASE),
    "store_model_in_db": (IMPOSSIBLE, DATABASE),
    "store_prompts_in_spend_logs": (IMPOSSIBLE, DATABASE),
    "disable_spend_logs": (EXACT, MONEY),
    "proxy_batch_write_at": (IMPOSSIBLE, DATABASE),
    "salt_key": (IMPOSSIBLE, DATABASE),
    "alerting": (IMPOSSIBLE, "dragoman sends no alerts"),
    "alerting_threshold": (IMPOSSIBLE, "dragoman sends no alerts"),
    "completion_model": (
        BY_HAND,
        "set gateway.default_model; a model that a caller names is still the one that answers",
    ),
    "custom_auth": (IMPOSSIBLE, "dragoman knows only the keys in gateway.api_keys"),
    "enable_jwt_auth": (IMPOSSIBLE, "dragoman knows only the keys in gateway.api_keys"),
    "max_parallel_requests": (BY_HAND, "set gateway.max_in_flight_per_key, which counts in each worker"),
    "global_max_parallel_requests": (BY_HAND, "set gateway.max_in_flight, which counts in each worker"),
    "background_health_checks": (IMPOSSIBLE, "dragoman asks no service by itself: `dragoman doctor` does"),
    "health_check_interval": (IMPOSSIBLE, "dragoman asks no service by itself: `dragoman doctor` does"),
    "pass_through_endpoints": (IMPOSSIBLE, "dragoman serves the paths of its protocols, and no others"),
    "allowed_ips": (IMPOSSIBLE, "let a proxy or firewall decide who reaches gateway.host"),
    "cors_allowed_origins": (BY_HAND, "set gateway.cors_origins"),
}
"""Keys of `general_settings`."""

TOP: dict[str, Rule] = {
    "include": (BY_HAND, "import those files too, each by itself"),
    "guardrails": (IMPOSSIBLE, "dragoman looks into no message"),
    "mcp_servers": (IMPOSSIBLE, "dragoman calls no tools"),
    "vector_store_registry": (IMPOSSIBLE, "dragoman searches nothing"),
    "credential_list": (BY_HAND, "write the keys into the entries that use them"),
    "callback_settings": (IMPOSSIBLE, "dragoman calls no other service"),
}
"""Whole sections."""
