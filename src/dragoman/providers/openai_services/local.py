"""Programs that serve models on this machine, on the ports that they take by themselves."""

from dragoman.providers.openai_services.row import LocalServer, Quirk, ServiceRow

LOCAL: tuple[ServiceRow, ...] = (
    ServiceRow(
        "VLLM",
        "vLLM",
        "http://127.0.0.1:8000/v1",
        "VLLM_API_KEY",
        "https://docs.vllm.ai/en/latest/serving/openai_compatible_server/",
        "2026-11-26",
        (
            Quirk(
                "reasoning_field",
                "reasoning",
                "reasoning_content of a request is dropped in silence since that field was renamed",
                "vllm-project/vllm#38488",
                "2026-11-26",
            ),
        ),
        completions="/completions",
    ),
    ServiceRow(
        "SGLang",
        "SGLang",
        "http://127.0.0.1:30000/v1",
        "",
        "https://docs.sglang.io/basic_usage/openai_api_completions.html",
        "2026-11-26",
        completions="/completions",
    ),
    ServiceRow(
        "LlamaCpp",
        "llama.cpp",
        "http://127.0.0.1:8080/v1",
        "LLAMA_API_KEY",
        "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        "2026-11-26",
        (
            Quirk(
                "tool_choices",
                ("auto", "none", "required"),
                "a tool chosen by name counts as `auto`",
                "ggml-org/llama.cpp#26535",
                "2026-11-26",
            ),
        ),
        completions="/completions",
    ),
    ServiceRow(
        "LMStudio",
        "LM Studio",
        "http://127.0.0.1:1234/v1",
        "",
        "https://lmstudio.ai/docs/developer/openai-compat",
        "2026-11-26",
        (
            Quirk(
                "json_object",
                False,
                "400: 'response_format.type' must be 'json_schema' or 'text'",
                "lmstudio-ai/lmstudio-bug-tracker#189",
                "2026-11-26",
            ),
            Quirk(
                "tool_choices",
                ("auto", "none", "required"),
                "400: Invalid tool_choice type: 'object'",
                "lmstudio-ai/lmstudio-bug-tracker#670",
                "2026-11-26",
            ),
        ),
        completions="/completions",
    ),
    ServiceRow(
        "Jan",
        "Jan",
        "http://127.0.0.1:1337/v1",
        "",
        "https://jan.ai/docs/local-api",
        "2026-11-26",
        completions="/completions",
    ),
    ServiceRow(
        "LocalAI",
        "LocalAI",
        "http://127.0.0.1:8080/v1",
        "",
        "https://localai.io/basics/getting_started/",
        "2026-11-26",
        completions="/completions",
    ),
    ServiceRow(
        "MLX",
        "MLX LM",
        "http://127.0.0.1:8080/v1",
        "",
        "https://github.com/ml-explore/mlx-lm/blob/main/mlx_lm/SERVER.md",
        "2026-11-26",
        completions="/completions",
    ),
    ServiceRow(
        "TextGenerationWebUI",
        "text-generation-webui",
        "http://127.0.0.1:5000/v1",
        "",
        "https://github.com/oobabooga/text-generation-webui/wiki/12-%E2%80%90-OpenAI-API",
        "2026-11-26",
        completions="/completions",
    ),
    ServiceRow(
        "GPT4All",
        "GPT4All",
        "http://127.0.0.1:4891/v1",
        "",
        "https://github.com/nomic-ai/gpt4all/wiki/Local-API-Server",
        "2026-11-26",
        completions="/completions",
    ),
    ServiceRow(
        "DockerModels",
        "Docker Model Runner",
        "http://127.0.0.1:12434/engines/v1",
        "",
        "https://docs.docker.com/reference/cli/docker/desktop/enable/model-runner/",
        "2026-11-26",
        completions="/completions",
    ),
)

OWNERS = {"vllm": "vllm", "sglang": "sglang", "llamacpp": "llamacpp", "lmstudio": "organization_owner"}
"""A server's name to the owner of its models. From the servers' sources and recorded lists, seen 2026-11-26."""

ALWAYS_KEYED = frozenset({"jan"})
"""Servers that answer nobody without a key. https://jan.ai/docs/local-api, seen 2026-11-26"""

SERVERS: tuple[LocalServer, ...] = (
    LocalServer("ollama", "Ollama", "http://127.0.0.1:11434/v1", "library"),
    *(
        LocalServer(name, row.title, row.url, OWNERS.get(name, ""), name in ALWAYS_KEYED)
        for row in LOCAL
        for name in (row.name.lower(),)
    ),
)
"""Those that `dragoman models` looks for. If several share a port, the likeliest comes first."""
