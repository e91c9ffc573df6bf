"""The table of families: by whose names, in which order, with which proof."""

import json
from datetime import date
from typing import Any

import pytest
from msgspec.structs import fields, replace

from dragoman.config import ProfileConfig
from dragoman.config.schema import REQUEST_SETTINGS
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_responses import OpenAIResponsesClient
from dragoman.protocols.webchat.cromicle import CromicleClient
from dragoman.providers.openai import OpenAI
from dragoman.providers.profiles import FAMILIES, KNOWN, MAX_KNOWN, OPENAI_FORM, SAMPLING, Families
from dragoman.types import (
    CacheBreakpoint,
    ChangedSchema,
    ChatRequest,
    LostField,
    Message,
    ModelProfile,
    ReasoningConfig,
    RewrittenSchema,
    Text,
    Tool,
    ToolResult,
    names,
    user,
)
from tests.support.env import fixed_env

UNKNOWN = ModelProfile()


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("o3", ("verbosity", "parallel_tool_calls", "stop")),
        ("o3-2025-04-16", ("verbosity", "parallel_tool_calls", "stop")),
        ("O4-mini", ("verbosity", "parallel_tool_calls", "stop")),
        ("o3-mini", ("verbosity", "parallel_tool_calls")),
        ("openai/o1-pro", ("verbosity", "parallel_tool_calls")),
        ("gpt-5-codex", ("stop", "verbosity")),
        ("gpt-5", ("stop",)),
        ("gpt-5-mini-2025-08-07", ("stop",)),
        ("azure/eu/gpt-5", ("stop",)),
    ],
)
def test_openais_models_that_think_take_no_sampling(model: str, more: tuple[str, ...]) -> None:
    assert KNOWN.profile_of(model).unsupported_fields == (*SAMPLING, "top_logprobs", *more)
    assert KNOWN.profile_of(model).reasoning_returns is False


@pytest.mark.parametrize("model", ["o30", "oracle", "eliza:70b", "", "/"])
def test_of_other_models_nothing_is_said(model: str) -> None:
    assert KNOWN.profile_of(model) == UNKNOWN


@pytest.mark.parametrize(
    "model", ["gpt-4o", "gpt-5.1", "chatgpt-4o-latest", "o3", "gpt-5-mini", "anthropic/claude-opus-4.6"]
)
def test_some_want_a_plain_object_at_the_top_of_a_schema(model: str) -> None:
    claude = ("plain-root", "plain-names", "old-drafts")
    others = ("plain-root", "array-items", "old-drafts", "plain-patterns")
    assert KNOWN.profile_of(model).schema_limits == (claude if "claude" in model else others)


@pytest.mark.parametrize(
    ("model", "refused"),
    [("gpt-4o", ("reasoning.display", "verbosity")), ("gpt-5.1", ("stop",)), ("gpt-5.2-pro", ("stop",))],
)
def test_of_models_that_do_not_always_think_nothing_else_is_said(model: str, refused: tuple[str, ...]) -> None:
    profile = replace(KNOWN.profile_of(model), context=None, most_output=None, efforts=None)
    assert profile.sampling_with_effort is (False if "stop" in refused else None)
    assert replace(profile, sampling_with_effort=None) == OPENAI_FORM.over(
        ModelProfile(
            schema_limits=("plain-root", "array-items", "old-drafts", "plain-patterns"),
            unsupported_fields=refused,
            call_ids="short",
            breakpoints=False,
        )
    )


@pytest.mark.parametrize("model", ["gpt-oss:20b", "openai/gpt-oss-120b"])
def test_gpt_oss_takes_efforts(model: str) -> None:
    known = ModelProfile(thinking_levels=True, efforts=("low", "medium", "high"), freeform_tools=False)
    assert KNOWN.profile_of(model) == known


@pytest.mark.parametrize("model", ["llama3:70b", "Qwen/Qwen3-Coder-30B", "zai-org/GLM-5", "devstral-small", "kimi-k3"])
def test_models_of_open_weights_know_functions_alone(model: str) -> None:
    assert KNOWN.profile_of(model).freeform_tools is False


@pytest.mark.parametrize("model", ["gpt-5.6", "openai/gpt-6-sol", "o3", "codex-mini-latest", "claude-opus-5", "m"])
def test_of_others_that_is_not_known(model: str) -> None:
    assert KNOWN.profile_of(model).freeform_tools is None


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-4o-mini", 128_000),
        ("openai/gpt-4.1-nano", 1_047_576),
        ("gpt-5-mini", 400_000),
        ("gpt-5-chat-latest", 128_000),
        ("gpt-5.1-chat-latest", 128_000),
        ("o3-mini", 200_000),
        ("o1-mini", 128_000),
        ("claude-3-5-haiku-latest", 200_000),
        ("claude-sonnet-4-20250514", 200_000),
        ("claude-haiku-4-5", 200_000),
        ("anthropic/claude-opus-4.6", 1_000_000),
        ("gemini-2.5-pro", 1_048_576),
        ("gemini-1.5-pro-002", 2_097_152),
        ("claude-opus-9", None),
    ],
)
def test_how_much_models_hold(model: str, tokens: int | None) -> None:
    assert KNOWN.profile_of(model).context == tokens


def test_the_gpt_5_that_does_not_think_takes_sampling() -> None:
    assert KNOWN.profile_of("gpt-5-chat-latest").unsupported_fields == ("reasoning.display", "verbosity")


@pytest.mark.parametrize(
    ("model", "returns"),
    [
        ("deepseek-ai/DeepSeek-V3.2-Exp", True),
        ("deepseek-v4-pro", True),
        ("deepseek/deepseek-v4-flash", True),
        ("deepseek-reasoner", True),
        ("moonshotai/kimi-k2.5", True),
        ("kimi-k2.7-code", True),
        ("kimi-k3", True),
        ("xiaomi/mimo-v2.5-pro", True),
        ("glm-4.6", True),
        ("z-ai/glm-5.2", True),
        ("MiniMaxAI/MiniMax-M2.5", True),
        ("minimax-m3", True),
        ("glm-4-flash", None),
        ("deepseek-r1:14b", False),
        ("deepseek-chat", None),
        ("deepseek-v3.1", None),
    ],
)
def test_who_wants_reasoning_back(model: str, returns: bool | None) -> None:
    assert KNOWN.profile_of(model).reasoning_returns is returns


@pytest.mark.parametrize(
    ("model", "prefill"),
    [
        ("claude-opus-4-6", False),
        ("anthropic/claude-sonnet-4.6", False),
        ("eu.anthropic.claude-opus-4-7-v1:0", False),
        ("claude-sonnet-4-5-20250929", True),
        ("claude-opus-4-20250514", True),
        ("claude-opus-5", False),
        ("claude-haiku-5-5", False),
        ("claude-nova-5", None),
    ],
)
def test_who_does_not_go_on_from_a_prefill(model: str, prefill: bool | None) -> None:
    assert KNOWN.profile_of(model).prefill is prefill


@pytest.mark.parametrize(
    ("models", "levels", "single", "sampling"),
    [
        (("claude-3-7-sonnet-20250219", "claude-sonnet-4", "claude-opus-4-20250514"), False, None, None),
        (("claude-opus-4-1", "claude-sonnet-4-5@20250929", "anthropic/claude-haiku-4.5"), False, True, None),
        (("us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-opus-4-1-20250805"), False, True, None),
        (("claude-opus-4-6", "anthropic/claude-sonnet-4.6", "claude-opus-4-6-20260205"), None, True, None),
        (("claude-opus-4-7", "anthropic/claude-opus-4.8", "claude-sonnet-5"), True, None, False),
        (("claude-opus-5-20260801", "claude-fable-5.1", "claude-mythos-preview"), True, None, False),
        (("claude-haiku-5-5", "anthropic/claude-haiku-5.5"), True, None, False),
        (("kimi-k2", "claude"), None, None, None),
    ],
)
def test_how_claudes_think_and_choose_among_tokens(
    models: tuple[str, ...], levels: bool | None, single: bool | None, sampling: bool | None
) -> None:
    for profile in map(KNOWN.profile_of, models):
        assert profile.thinking_levels is levels
        assert profile.single_sampling is single
        refused = set(profile.unsupported_fields or ()) - {"response_format"}
        assert refused == (set() if sampling is None else {"temperature", "top_p", "top_k"})


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "google/gemini-3-flash-preview", "models/gemini-2.0-flash"])
def test_gemini_takes_only_some_keywords_of_a_schema(model: str) -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"examples": {"type": "array", "items": {"type": "string", "const": "a"}, "examples": [["a"]]}},
        "additionalProperties": False,
    }
    tool = Tool("f", "Does it", parameters=schema)
    request = ChatRequest(model=model, messages=(user("hi"),), tools=(tool,))
    codec, profile = OpenAIChatClient("http://up"), KNOWN.profile_of(model)
    examples = {
        "type": "array",
        "items": {"type": "string", "enum": ["a"]},
        "description": 'Examples: ["a"].',
    }
    told = Tool(
        "f",
        "Does it. No other properties are allowed.",
        parameters={"type": "object", "properties": {"examples": examples}},
    )
    assert codec.fit(request, profile).tools == (told,)
    assert codec.losses(request, profile) == (
        RewrittenSchema("tools[0].parameters ($schema, additionalProperties, const, examples)"),
    )


def test_a_schema_that_is_not_sent_is_not_changed() -> None:
    tool = Tool("f", parameters={"type": "object", "properties": {}, "x-own": 1})
    request = ChatRequest(model="gemini-2.5-pro", messages=(user("hi"),), tools=(tool,))
    profile = KNOWN.profile_of(request.model)
    assert CromicleClient(url="http://up").losses(request, profile) == (LostField("tools"),)
    assert OpenAIChatClient("http://up").losses(request, profile) == (ChangedSchema("tools[0].parameters (x-own)"),)


def test_each_row_says_something_with_its_source_and_date() -> None:
    for family in FAMILIES:
        assert family.profile != UNKNOWN, family.pattern
        assert family.source.startswith("https://"), family.pattern
        assert date.fromisoformat(family.seen) >= date(2026, 11, 1), family.pattern
        assert family.pattern == family.pattern.lower()
        assert set(family.profile.unsupported_fields or ()) <= set(REQUEST_SETTINGS)


def test_each_row_counts() -> None:
    seen = [(family.pattern, family.profile) for family in FAMILIES]
    assert all(seen.count(row) == 1 for row in seen)


def test_a_configuration_adds_to_what_is_known_and_holds_over_it() -> None:
    families = Families(
        {
            "*deepseek-R1*": ProfileConfig(reasoning_returns=True, images=False),
            "gpt-5": ProfileConfig(unsupported_fields=()),
            "own/*": ProfileConfig(tools=False),
        }
    )
    assert families.profile_of("DeepSeek-R1") == ModelProfile(
        reasoning_returns=True, images=False, freeform_tools=False
    )
    assert families.profile_of("gpt-5").unsupported_fields == ()
    assert families.profile_of("gpt-5").reasoning_returns is False
    assert families.profile_of("own/m") == ModelProfile(tools=False)


def test_a_configuration_may_say_each_fact() -> None:
    assert [field.name for field in fields(ProfileConfig)] == [field.name for field in fields(ModelProfile)]


def test_names_are_looked_up_again_once_too_many_are_known() -> None:
    families = Families()
    first = families.profile_of("deepseek-reasoner")
    for number in range(MAX_KNOWN):
        families.profile_of(f"model-{number}")
    assert families.profile_of("deepseek-reasoner") == first
    assert len(families._known) <= MAX_KNOWN


@pytest.mark.parametrize(
    ("model", "taken"), [("gpt-4o", False), ("o3", False), ("gpt-5.4", False), ("gpt-5.6", None), ("gpt-6-sol", None)]
)
def test_openais_models_have_breakpoints_from_5_6_on(model: str, taken: bool | None) -> None:
    profile = KNOWN.profile_of(model)
    assert profile.breakpoints is taken
    marked = Text(text="x", cache=CacheBreakpoint())
    result = ToolResult(id="1", parts=(marked,))
    request = ChatRequest(model=model, messages=(Message("user", (marked,)), Message("tool", (result,))))
    codec = OpenAIResponsesClient("http://up", breakpoints=True)
    lost = [loss.name for loss in codec.losses(request, profile)]
    places = ["messages[0].parts[0].cache", "messages[1].parts[0].parts[0].cache"]
    assert lost == ([] if taken is None else places)
    body = codec.encode_request(codec.fit(request, profile), fixed_env()).body
    assert bytes(body).count(b"prompt_cache_breakpoint") == (2 if taken is None else 0)


@pytest.mark.parametrize(
    ("model", "efforts"),
    [
        ("grok-4", ()),
        ("x-ai/grok-4-1-fast-reasoning", ()),
        ("grok-4.20-0309-reasoning", ()),
        ("grok-code-fast-1", ()),
        ("meta-llama/llama-4-scout-17b", ()),
        ("gpt-4o-mini", ()),
        ("gpt-5-chat-latest", ()),
        ("gemini-2.0-flash-lite", ()),
        ("codestral-2508", ()),
        ("grok-4.20-multi-agent-0309", ("low", "medium", "high", "xhigh")),
        ("grok-3-mini", ("low", "high")),
        ("grok-4.3", ("none", "low", "medium", "high")),
        ("grok-4.5", ("low", "medium", "high")),
        ("o3", ("low", "medium", "high")),
        ("o4-mini-2025-04-16", ("low", "medium", "high")),
        ("gpt-5-mini", ("minimal", "low", "medium", "high")),
        ("gpt-5-pro-2025-10-06", ("high",)),
        ("gpt-5-codex", ("low", "medium", "high")),
        ("gpt-5.1-2025-11-13", ("none", "low", "medium", "high")),
        ("gpt-5.1-codex", ("low", "medium", "high")),
        ("gpt-5.1-codex-mini", ("medium", "high")),
        ("gpt-5.1-codex-max", ("low", "medium", "high", "xhigh")),
        ("gpt-5.1-chat-latest", ("medium",)),
        ("gpt-5.2", ("none", "low", "medium", "high", "xhigh")),
        ("gpt-5.2-pro", ("medium", "high", "xhigh")),
        ("gpt-5.3-codex", ("low", "medium", "high", "xhigh")),
        ("gpt-5.4-nano", ("none", "low", "medium", "high", "xhigh")),
        ("gpt-5.6-terra", ("none", "low", "medium", "high", "xhigh", "max")),
        ("gpt-6-sol", None),
        ("openai/gpt-oss-20b", ("low", "medium", "high")),
        ("claude-opus-4-5-20251101", ("none", "low", "medium", "high")),
        ("claude-sonnet-4-5", None),
        ("anthropic/claude-opus-4.6", ("none", "low", "medium", "high", "max")),
        ("claude-opus-4-8", ("none", "low", "medium", "high", "xhigh", "max")),
        ("claude-opus-5", ("none", "low", "medium", "high", "xhigh", "max")),
        ("anthropic/claude-opus-5.5", ("low", "medium", "high", "xhigh", "max")),
        ("claude-haiku-5-5", ("none", "low", "medium", "high", "xhigh", "max")),
        ("claude-fable-5", ("low", "medium", "high", "xhigh", "max")),
        ("gemini-2.5-pro", ("minimal", "low", "medium", "high")),
        ("gemini-3-pro-preview", ("low", "high")),
        ("gemini-3.1-pro-preview", ("low", "medium", "high")),
        ("gemini-3-flash-preview", ("minimal", "low", "medium", "high")),
        ("gemini-3.7-flash", ("low", "medium", "high")),
        ("mistral-small-latest", ("none", "high")),
        ("kimi-k3", ("low", "high", "max")),
        ("kimi-k2.6", None),
        ("kimi-k2.7-code", ()),
        ("glm-5.3-flash", ("low", "high", "max")),
        ("deepseek-r1-distill-llama-70b", None),
        ("qwen3", None),
    ],
)
def test_who_takes_which_efforts(model: str, efforts: tuple[str, ...] | None) -> None:
    profile = KNOWN.profile_of(model)
    assert profile.efforts == efforts
    codec = OpenAIChatClient("http://up")
    for config in (
        *(ReasoningConfig(effort=effort) for effort in EVERY_EFFORT),
        *(ReasoningConfig(budget_tokens=budget) for budget in (0, 1024, 31999, 100_000)),
        ReasoningConfig(mode="off"),
    ):
        request = ChatRequest(model=model, messages=(user("x"),), reasoning=config)
        body = json.loads(bytes(codec.encode_request(codec.fit(request, profile), fixed_env()).body))
        sent, lost = body.get("reasoning_effort"), names(codec.losses(request, profile))
        assert sent is None if efforts == () else sent in (efforts or EVERY_EFFORT)
        if config.effort is not None:
            assert lost == (() if sent == config.effort else ("reasoning.effort",))


EVERY_EFFORT = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@pytest.mark.parametrize(
    ("model", "images"),
    [("deepseek-v4-pro", False), ("deepseek-v4-flash", False), ("deepseek-v4-flash-vision-exp", True)],
)
def test_who_sees(model: str, images: bool) -> None:
    assert KNOWN.profile_of(model).images is images


def test_kimi_takes_no_sampling_and_types_only_in_alternatives() -> None:
    profile = KNOWN.profile_of("moonshotai/kimi-k2.6")
    assert profile.unsupported_fields == SAMPLING
    part = {"type": ["string", "null"], "anyOf": [{"minLength": 1}, {"type": "string", "pattern": "x"}]}
    root = {"type": "object", "properties": {"p": part}, "anyOf": [{"required": ["p"]}, {"required": ["q"]}]}
    request = ChatRequest(model="m", messages=(user("x"),), tools=(Tool("f", parameters=root),))
    (tool,) = OpenAIChatClient("http://up").fit(request, profile).tools
    assert isinstance(tool, Tool)
    assert tool.parameters is not None
    assert tool.parameters["type"] == "object"
    assert "anyOf" not in tool.parameters
    assert tool.parameters["properties"]["p"].keys() == {"anyOf"}
    assert all("type" in each for each in tool.parameters["properties"]["p"]["anyOf"])
    assert KNOWN.profile_of("moonshotai/kimi-k2-0905").unsupported_fields is None


EFFORT = ReasoningConfig(effort="high")


@pytest.mark.parametrize(
    ("model", "changes", "effort", "lost"),
    [
        ("gpt-5.4", {"reasoning": EFFORT}, "none", ["reasoning.effort"]),
        ("gpt-5.4-mini", {"reasoning": ReasoningConfig(mode="on", budget_tokens=2048)}, "none", ["reasoning.effort"]),
        ("gpt-5.6", {}, "none", ["reasoning.effort"]),
        ("gpt-6-sol", {}, "none", ["reasoning.effort"]),
        ("gpt-5.6-terra", {"reasoning": ReasoningConfig(effort="none")}, "none", []),
        ("gpt-5.6", {"reasoning": EFFORT, "tools": ()}, "high", []),
        ("gpt-5.1", {"reasoning": EFFORT}, "high", []),
    ],
)
def test_openais_chat_takes_no_effort_beside_functions(
    model: str, changes: dict[str, Any], effort: str, lost: list[str]
) -> None:
    request = ChatRequest(model=model, messages=(user("x"),), tools=(Tool("f"),))
    request, profile = replace(request, **changes), KNOWN.profile_of(model)
    own, other = OpenAI.codec(), OpenAIChatClient("http://up")
    assert names(own.losses(request, profile)) == tuple(lost)
    body = json.loads(bytes(own.encode_request(own.fit(request, profile), fixed_env()).body))  # type: ignore[union-attr]  # no preliminaries
    assert body["reasoning_effort"] == effort
    assert other.fit(request, profile).reasoning == request.reasoning


@pytest.mark.parametrize(
    ("config", "lost"),
    [
        (EFFORT, ("temperature", "top_p", "top_logprobs")),
        (ReasoningConfig(mode="on"), ("temperature", "top_p", "top_logprobs")),
        (ReasoningConfig(budget_tokens=4096), ("temperature", "top_p", "top_logprobs")),
        (ReasoningConfig(effort="none"), ()),
        (ReasoningConfig(mode="off"), ()),
        (None, ()),
    ],
)
def test_openais_later_models_take_no_sampling_while_they_think(
    config: ReasoningConfig | None, lost: tuple[str, ...]
) -> None:
    request = ChatRequest(
        model="gpt-5.4", messages=(user("x"),), temperature=0.5, top_p=0.9, top_logprobs=2, reasoning=config
    )
    profile = KNOWN.profile_of("gpt-5.4")
    for codec in (OpenAIChatClient("http://up"), OpenAIResponsesClient("http://up")):
        assert (
            tuple(name for name in names(codec.losses(request, profile)) if name in request.__struct_fields__) == lost
        )
        fitted = codec.fit(request, profile)
        assert [name for name in ("temperature", "top_p", "top_logprobs") if getattr(fitted, name) is None] == [*lost]
