"""Configurations of three programs as hypothesis makes them: mostly as they should be, anywhere else instead."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

CANARY = "sk-canary-0123456789"
"""A key in clear. It is nowhere but in places for keys."""

Values = st.SearchStrategy[Any]

SCALARS: Values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JUNK: Values = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def mostly(good: Values) -> Values:
    """Nine times of ten `good`."""
    return st.integers(0, 9).flatmap(lambda number: good if number else JUNK)


def table(**values: Values) -> Values:
    """Most of the keys, most of them with a good value, and now and then another key."""
    known = st.fixed_dictionaries({name: _often(mostly(value)) for name, value in values.items()}).map(_present)
    return mostly(
        st.builds(lambda one, other: other | one, known, st.dictionaries(st.text(max_size=4), JUNK, max_size=1))
    )


MISSING = object()


def _often(value: Values) -> Values:
    return st.integers(0, 5).flatmap(lambda number: value if number else st.just(MISSING))


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not MISSING}


def several(item: Values) -> Values:
    return mostly(st.lists(mostly(item), max_size=4))


def named(keys: Sequence[str], value: Values) -> Values:
    return mostly(st.dictionaries(st.sampled_from(keys), mostly(value), max_size=4))


URLS = st.sampled_from(
    [
        "http://127.0.0.1:9001/v1",
        "https://api.openai.com/v1/",
        "https://api.deepseek.com/chat/completions",
        "http://10.0.0.5:8000/v1/messages",
        "https://generativelanguage.googleapis.com/v1beta/models/",
        "http://host:0/v1/chat/completions",
        "http://host:99999/v1",
        "http://user:word@host/v1",
        "http://[::1/v1",
        "ftp://host/v1",
        "os.environ/BASE",
    ]
)
NAMES = st.sampled_from(["one", "two", "offline", "a b", "a/b", "é", "a.b", '"', "gpt-4o", "one\ud800"])
MODELS = st.sampled_from(["m", "gpt-4o", "Qwen/Qwen3", "a b", " m", "m\n", "*", "m\x7f", "\ud800"])
NUMBERS = st.sampled_from([0, 1, 4000, 70000, -1, 1.5])

LITELLM_GROUPS = ["gpt-4o", "claude", "openai/*", "a b", "groq/m"]
LITELLM_MODELS = st.sampled_from(
    [
        "openai/gpt-4o",
        "gpt-4o",
        "claude-x",
        "openai/*",
        "groq/m",
        "hosted_vllm/q",
        "bedrock/x",
        "azure/y",
        "what/z",
        "openai/",
        "openai/responses/gpt-5",
        "litellm_proxy/a",
        "ollama/l:8b",
        "openai_like/b c",
    ]
)
LITELLM_KEYS = st.sampled_from([CANARY, "os.environ/KEY", "os.environ/", ""])
LITELLM = table(
    model_list=several(
        table(
            model_name=st.sampled_from(LITELLM_GROUPS),
            litellm_params=table(
                model=LITELLM_MODELS,
                api_key=LITELLM_KEYS,
                api_base=URLS,
                custom_llm_provider=st.sampled_from(["openai", "azure"]),
                order=NUMBERS,
                rpm=NUMBERS,
                drop_params=st.booleans(),
            ),
            model_info=table(mode=st.just("chat"), id=NAMES),
        )
    ),
    router_settings=table(
        fallbacks=several(named(LITELLM_GROUPS, several(st.sampled_from(LITELLM_GROUPS)))),
        model_group_alias=named(
            ["gpt-4", "claude", "a b"],
            st.sampled_from(LITELLM_GROUPS) | table(model=st.sampled_from(LITELLM_GROUPS), hidden=st.booleans()),
        ),
        num_retries=NUMBERS,
    ),
    litellm_settings=table(
        default_fallbacks=several(st.sampled_from(LITELLM_GROUPS)), set_verbose=st.booleans(), drop_params=st.booleans()
    ),
    general_settings=table(master_key=LITELLM_KEYS, max_request_size_mb=NUMBERS),
    environment_variables=named(["BASE", "KEY"], st.sampled_from(["http://127.0.0.1:1/v1", CANARY])),
)

CCR_KEYS = st.sampled_from([CANARY, "$KEY", "${KEY}", "sk-$KEY", ""])
CCR_TARGETS = st.sampled_from(["one,m", "two,Qwen/Qwen3", "a b,m", "one", ",", "one, m", "offline,new"])
ROLES = ["default", "background", "think", "longContext", "webSearch", "image"]
USES = several(
    st.sampled_from(["openrouter", "deepseek", "gemini", "Anthropic", "tooluse", "vertex-gemini", "mine"])
    | st.tuples(st.just("maxtoken"), table(max_tokens=NUMBERS))
)
CCR = table(
    Providers=several(
        table(
            name=NAMES,
            api_base_url=URLS,
            api_key=CCR_KEYS,
            models=several(MODELS),
            transformer=table(use=USES, m=table(use=USES)),
        )
    ),
    Router=mostly(st.dictionaries(st.sampled_from([*ROLES, "longContextThreshold"]), mostly(CCR_TARGETS), max_size=4)),
    fallback=named(ROLES, several(CCR_TARGETS)),
    APIKEY=CCR_KEYS,
    HOST=st.sampled_from(["127.0.0.1", "0.0.0.0", "localhost", "::1", "nowhere", "a b"]),
    PORT=NUMBERS,
    LOG_LEVEL=st.sampled_from(["warn", "trace", "loud"]),
    PROXY_URL=st.sampled_from(
        ["http://127.0.0.1:1", f"http://user:{CANARY}@host:1", "socks5://", "none", "$PROXY", "x"]
    ),
    KEY=st.just("$KEY"),
)

OPENCODE_NAMES = ["anthropic", "openai", "lan", "offline", "a b", "amazon-bedrock", "groq", "google"]
OPENCODE_KEYS = st.sampled_from([CANARY, "{env:KEY}", "sk-{env:KEY}", "{file:~/key}", "{env:}", ""])
OPENCODE_MODELS = st.sampled_from(["lan/m", "anthropic/claude", "xai/grok", "a b/m", "lan/alias", "opencode/x", "m"])
OPENCODE = table(
    model=OPENCODE_MODELS,
    small_model=OPENCODE_MODELS,
    provider=named(
        OPENCODE_NAMES,
        table(
            npm=st.sampled_from(
                ["@ai-sdk/openai-compatible", "@ai-sdk/anthropic", "@ai-sdk/google", "@ai-sdk/openai", "x"]
            ),
            api=URLS,
            env=several(NAMES),
            options=table(baseURL=URLS, apiKey=OPENCODE_KEYS, headers=named(["a"], st.text(max_size=3))),
            models=mostly(
                st.dictionaries(
                    st.sampled_from(["m", "alias", "a b", "*", "\ud800"]), table(id=MODELS, name=NAMES), max_size=3
                )
            ),
        ),
    ),
    theme=st.just("system"),
    agent=named(["build"], table(model=OPENCODE_MODELS)),
)

SHAPES: dict[str, Values] = {"ccr": CCR, "litellm": LITELLM, "opencode": OPENCODE}
