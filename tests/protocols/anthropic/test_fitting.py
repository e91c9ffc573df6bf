"""How models of the families may think, and what thinking does not go with: a service refuses anything else."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.protocols.anthropic import AnthropicClient
from dragoman.protocols.anthropic.request import NEWEST_VERSION
from dragoman.providers.profiles import KNOWN
from dragoman.types import (
    ChatRequest,
    Extra,
    HttpRequest,
    Message,
    ModelProfile,
    OpaqueState,
    Reasoning,
    ReasoningConfig,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    user,
)
from tests.support.env import fixed_env

CLIENT = AnthropicClient("http://up")
ASK = ChatRequest(model="m", messages=(user("hi"),))
TOKENS, BOTH, WORDS, UNKNOWN = "claude-haiku-4-5", "claude-opus-4-6", "claude-opus-4-8", "kimi-k2"
ADAPTIVE, DISABLED = {"type": "adaptive"}, {"type": "disabled"}


def sent(request: ChatRequest, profile: ModelProfile | None = None, client: AnthropicClient = CLIENT) -> dict[str, Any]:
    """The body that a service gets."""
    profile = profile or KNOWN.profile_of(request.model)
    message = client.encode_request(client.fit(request, profile), fixed_env())
    assert isinstance(message, HttpRequest)
    body: dict[str, Any] = json.loads(message.body)
    return body


def named(request: ChatRequest, profile: ModelProfile | None = None, client: AnthropicClient = CLIENT) -> set[str]:
    return {loss.name for loss in client.losses(request, profile or KNOWN.profile_of(request.model))}


@pytest.mark.parametrize(
    ("model", "config", "thinking", "effort", "names"),
    [
        (TOKENS, ReasoningConfig(effort="high"), 16_384, None, {"reasoning.effort"}),
        (TOKENS, ReasoningConfig(effort="none"), None, None, set()),
        (TOKENS, ReasoningConfig(mode="adaptive"), 16_384, None, {"reasoning.mode"}),
        (TOKENS, ReasoningConfig(mode="on", effort="low"), 2048, None, {"reasoning.effort"}),
        (TOKENS, ReasoningConfig(budget_tokens=2048), 2048, None, set()),
        (TOKENS, ReasoningConfig(effort="low", budget_tokens=4096), 4096, None, {"reasoning.effort"}),
        (BOTH, ReasoningConfig(effort="high"), ADAPTIVE, "high", set()),
        (BOTH, ReasoningConfig(budget_tokens=2048), 2048, None, set()),
        (WORDS, ReasoningConfig(budget_tokens=2048), ADAPTIVE, "low", {"reasoning.budget_tokens"}),
        (WORDS, ReasoningConfig(effort="max", budget_tokens=2048), ADAPTIVE, "max", {"reasoning.budget_tokens"}),
        (WORDS, ReasoningConfig(budget_tokens=0), None, None, set()),
        (WORDS, ReasoningConfig(effort="high"), ADAPTIVE, "high", set()),
        (UNKNOWN, ReasoningConfig(budget_tokens=2048), 2048, None, set()),
    ],
)
def test_thinking_is_asked_for_in_tokens_or_in_a_word_as_the_model_has_it(
    model: str, config: ReasoningConfig, thinking: Any, effort: str | None, names: set[str]
) -> None:
    request = replace(ASK, model=model, reasoning=config)
    body = sent(request)
    expected = {"type": "enabled", "budget_tokens": thinking} if isinstance(thinking, int) else thinking or DISABLED
    assert body["thinking"] == expected
    assert body.get("output_config", {}).get("effort") == effort
    assert named(request) == names


@pytest.mark.parametrize(
    ("limit", "thinking", "names"),
    [
        (9000, {"type": "enabled", "budget_tokens": 8192}, set()),
        (8192, {"type": "enabled", "budget_tokens": 7168}, {"reasoning.budget_tokens"}),
        (1500, {"type": "enabled", "budget_tokens": 1024}, {"reasoning.budget_tokens"}),
        (1024, DISABLED, {"reasoning"}),
        (16, DISABLED, {"reasoning"}),
    ],
)
def test_a_budget_leaves_tokens_for_the_answer(limit: int, thinking: dict[str, Any], names: set[str]) -> None:
    request = replace(ASK, max_output_tokens=limit, reasoning=ReasoningConfig(budget_tokens=8192))
    assert (sent(request)["max_tokens"], sent(request)["thinking"]) == (limit, thinking)
    assert named(request) == names


def test_a_budget_that_is_raised_to_the_least_leaves_tokens_too() -> None:
    request = replace(ASK, max_output_tokens=1024, reasoning=ReasoningConfig(budget_tokens=500))
    assert sent(request)["thinking"] == DISABLED
    assert "reasoning" in named(request)
    assert sent(replace(request, max_output_tokens=1025))["thinking"] == {"type": "enabled", "budget_tokens": 1024}


@pytest.mark.parametrize(
    "extra", [{"dragoman": {"think": "high"}}, {"openai-responses": {"x_new": 1}}], ids=["ollama", "responses"]
)
def test_what_another_protocol_says_beside_an_effort_does_not_stop_the_model_from_thinking(extra: Extra) -> None:
    body = sent(replace(ASK, reasoning=ReasoningConfig(effort="high", extra=extra)))
    assert (body["thinking"], body["output_config"]) == (ADAPTIVE, {"effort": "high"})


@pytest.mark.parametrize("config", [ReasoningConfig(effort="high"), ReasoningConfig(budget_tokens=2048)])
@pytest.mark.parametrize("choice", [ToolChoice("required"), ToolChoice("tool", "f")])
def test_a_choice_that_forces_a_tool_holds_and_the_model_does_not_think(
    config: ReasoningConfig, choice: ToolChoice
) -> None:
    request = replace(ASK, tools=(Tool("f"),), tool_choice=choice, reasoning=config, temperature=0.5)
    body = sent(request)
    assert (body["thinking"], body["tool_choice"]["type"]) == (DISABLED, "any" if choice.name is None else "tool")
    assert body["temperature"] == 0.5
    assert named(request) == {"reasoning"}
    free = replace(request, tool_choice=ToolChoice("auto"), temperature=None)
    assert sent(free)["thinking"] != DISABLED
    assert named(free) == set()


@pytest.mark.parametrize("config", [ReasoningConfig(effort="high"), ReasoningConfig(budget_tokens=2048)])
@pytest.mark.parametrize(
    ("name", "value", "goes"),
    [
        ("temperature", 1, True),
        ("temperature", 0, False),
        ("top_p", 0.95, True),
        ("top_p", 0.9, False),
        ("top_k", 40, False),
    ],
)
def test_who_thinks_takes_no_settings_of_the_choice_among_tokens(
    config: ReasoningConfig, name: str, value: float, goes: bool
) -> None:
    request = replace(ASK, reasoning=config, **{name: value})
    assert (name in sent(request)) is goes
    assert named(request) == (set() if goes else {name})
    assert sent(replace(request, reasoning=ReasoningConfig(mode="off")))[name] == value


def test_a_setting_that_the_version_does_not_have_is_named_once() -> None:
    new = AnthropicClient("http://up", version=NEWEST_VERSION)
    request = replace(ASK, reasoning=ReasoningConfig(effort="high"), temperature=0.5)
    assert [loss.name for loss in new.losses(request, ModelProfile())] == ["temperature"]


@pytest.mark.parametrize(
    ("model", "names"),
    [(TOKENS, {"top_p"}), (BOTH, {"top_p"}), (WORDS, {"temperature", "top_p"}), ("claude-sonnet-4", set())],
)
def test_one_of_temperature_and_top_p_is_sent(model: str, names: set[str]) -> None:
    request = replace(ASK, model=model, temperature=0.5, top_p=0.5)
    assert {"temperature", "top_p"} - sent(request).keys() == names
    assert named(request) == names
    alone = replace(request, temperature=None)
    assert ("top_p" in sent(alone)) is (model != WORDS)


CALL = ToolCall(id="toolu_1", name="f", arguments="{}")
GIVEN = Message("tool", (ToolResult(id="toolu_1", parts=(Text(text="done"),)),))
THOUGHT = Reasoning(text="Hm.", opaque=OpaqueState("anthropic", "s"))


@pytest.mark.parametrize(
    ("turn", "thinks"),
    [
        ((Message("assistant", (THOUGHT, CALL)),), True),
        ((Message("assistant", (CALL,)),), False),
        ((Message("assistant", (Text(text="<think>Hm.</think>"),)), Message("assistant", (THOUGHT, CALL))), False),
        ((Message("assistant", (CALL,)), Message("assistant", (Text(text="Wait."),))), False),
        ((Message("assistant", (THOUGHT, CALL)), Message("assistant", (Text(text="Wait."),))), True),
    ],
)
def test_thinking_goes_on_only_if_the_turn_that_waits_begins_with_it(turn: tuple[Message, ...], thinks: bool) -> None:
    """pydantic-ai writes thoughts into a message of the assistant's of their own, before the one with the calls
    (`pydantic_ai/models/openai.py`, models of Responses of which it does not know that they think)."""
    request = replace(
        ASK,
        model=TOKENS,
        messages=(user("x"), *turn, GIVEN),
        tools=(Tool("f"),),
        reasoning=ReasoningConfig(budget_tokens=2048),
    )
    assert (sent(request)["thinking"] != DISABLED) is thinks
    assert named(request) == (set() if thinks else {"reasoning"})


def test_the_ids_of_another_service_s_calls_are_such_as_the_model_takes() -> None:
    ids = ("functions.f:0", "functions.f:1", "functions_f_0", "toolu_1")
    calls = tuple(ToolCall(id=each, name="f", arguments="{}") for each in ids)
    results = tuple(ToolResult(id=each, parts=(Text(text=each),)) for each in ids)
    request = replace(ASK, model=TOKENS, messages=(user("x"), Message("assistant", calls), Message("tool", results)))
    _, asked, answered = sent(request)["messages"]
    told = [block["id"] for block in asked["content"]]
    assert [block["tool_use_id"] for block in answered["content"]] == told
    assert [block["content"] for block in answered["content"]] == list(ids)
    assert len(set(told)) == 4
    assert told[2:] == ["functions_f_0", "toolu_1"]
    assert all(each.replace("_", "").isalnum() for each in told)
    assert sent(request) == sent(request)
    assert named(request) == set()
    # Services of this protocol that have such ids want them back.
    own = sent(replace(request, model=UNKNOWN))["messages"][1]["content"]
    assert [block["id"] for block in own] == list(ids)
