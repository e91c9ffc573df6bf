"""Settings for thinking in each protocol, to models of many families: what goes out, no service refuses."""

import json
from typing import Any

import pytest

from dragoman.client import Client
from dragoman.client.explain import Asked, explain_call
from dragoman.client.explanation import Explanation
from dragoman.config import Config, GatewayConfig, ProviderConfig
from dragoman.protocols.registry import DIALECTS
from dragoman.types import ServerRequest, names
from tests.strict.rules import Json, refusals
from tests.strict.thinking import MODELS, SAYS, Levels, rule

HEADERS = ((b"content-type", b"application/json"),)
WORDS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
TURNS: Json = {"messages": [{"role": "user", "content": "hi"}]}
SCHEMA: Json = {"type": "object", "properties": {}}
FORCED: Json = {"tools": [{"name": "f", "input_schema": SCHEMA}], "tool_choice": {"type": "any"}}


def _gemini(**config: Any) -> Json:
    return {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": {"thinkingConfig": config}}


def _enabled(budget: int, limit: int) -> Json:
    return TURNS | {"max_tokens": limit, "thinking": {"type": "enabled", "budget_tokens": budget}}


ASKED: dict[str, tuple[Json, ...]] = {
    "openai-chat": tuple(TURNS | {"reasoning_effort": word} for word in WORDS),
    "openai-responses": tuple(
        {
            "input": "hi",
            "reasoning": {"effort": word, "summary": "detailed"},
            "include": ["reasoning.encrypted_content"],
            "store": False,
        }
        for word in WORDS
    ),
    "anthropic": (
        TURNS | {"max_tokens": 4096, "thinking": {"type": "disabled"}},
        TURNS | {"max_tokens": 64000, "thinking": {"type": "adaptive"}},
        *(_enabled(budget, 64000) for budget in (1024, 31999, 60000)),
        _enabled(31999, 4096),
        TURNS | {"max_tokens": 4096, "thinking": {"type": "adaptive"}} | FORCED,
        *(
            TURNS | {"max_tokens": 64000, "thinking": {"type": "adaptive"}, "output_config": {"effort": word}}
            for word in WORDS[2:]
        ),
    ),
    "gemini": (
        *(_gemini(thinkingBudget=budget, includeThoughts=True) for budget in (-1, 0, 1, 200, 8192, 32768, 52428)),
        *(_gemini(thinkingLevel=word.upper()) for word in WORDS[1:5]),
    ),
    "ollama": tuple(TURNS | {"think": said} for said in (True, False, "low", "medium", "high", "max")),
}
SAME = {"none": {"none", "off", "disabled", "false"}, "minimal": {"minimal"}, "xhigh": {"xhigh"}, "max": {"max"}}
"""An effort to the words of protocols that mean just that."""
FAULTY = (ASKED["anthropic"][5], ASKED["anthropic"][6])
"""What its own protocol refuses, whatever the model: a relay leaves that to the service."""


def explained(front: str, levels: Levels, body: Json) -> Explanation:
    """What would become of a request."""
    up = ProviderConfig(type=levels.provider, url="http://up.invalid/v1", api_key="k")
    client = Client(Config(gateway=GatewayConfig(port=0), providers={"up": up}))
    path = f"/v1beta/models/up/{levels.model}:generateContent" if front == "gemini" else "/"
    named = body if front == "gemini" else body | {"model": f"up/{levels.model}"}
    call = ServerRequest(method="POST", path=path, headers=HEADERS, body=json.dumps(named).encode())
    return explain_call(client, Asked(call, DIALECTS[front].server()), 0.0)


@pytest.mark.parametrize("levels", MODELS, ids=lambda each: f"{each.provider} {each.model}")
@pytest.mark.parametrize("front", ASKED)
def test_no_setting_of_thinking_is_refused_and_none_changes_in_silence(front: str, levels: Levels) -> None:
    for body in ASKED[front]:
        if front == "ollama" == levels.provider and levels.model == "qwen3" and isinstance(body["think"], str):
            continue  # a caller of Ollama that says a word knows a model that has it
        found = explained(front, levels, body)
        assert found.request is not None, (body, found.error)
        if found.carried == "relayed" and body in FAULTY:
            continue
        sent = json.loads(found.request.body)
        assert refusals((rule(levels),), sent) == [], (body, found.carried)
        effort = body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort")
        said = {word.lower() for word in SAYS[levels.provider](sent) if word is not None}
        if effort is not None and said.isdisjoint(SAME.get(effort, {effort})):
            assert "reasoning.effort" in names(found.losses), body


FUNCTIONS: Json = {"tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]}


@pytest.mark.parametrize(
    ("model", "more", "carried", "sent"),
    [
        ("gpt-5.6", {"reasoning_effort": "high"} | FUNCTIONS, "translated", "none"),
        ("gpt-5.6", {"reasoning_effort": "none"} | FUNCTIONS, "relayed", "none"),
        ("gpt-5.6", {"reasoning_effort": "high"}, "relayed", "high"),
        ("gpt-5.1", {"reasoning_effort": "high"} | FUNCTIONS, "relayed", "high"),
    ],
)
def test_an_effort_beside_functions_is_not_relayed_to_models_that_refuse_it(
    model: str, more: Json, carried: str, sent: str
) -> None:
    found = explained("openai-chat", Levels("openai", model, (), ""), TURNS | more)
    assert found.request is not None
    assert (found.carried, json.loads(found.request.body)["reasoning_effort"]) == (carried, sent)
    assert names(found.losses) == (("reasoning.effort",) if carried == "translated" else ())


def test_a_choice_of_a_tool_that_goes_with_no_thinking_is_named_where_thinking_cannot_be_switched_off() -> None:
    forced = FUNCTIONS | {"tool_choice": "required", "reasoning_effort": "none"}
    for model in ("kimi-k2.7-code", "kimi-k3"):
        found = explained("openai-chat", Levels("moonshot", model, (), ""), TURNS | forced)
        assert found.request is not None
        assert json.loads(found.request.body)["tool_choice"] == "auto"
        assert sorted(names(found.losses)) == ["reasoning.effort", "tool_choice"]


def test_a_request_whose_thinking_the_model_takes_is_relayed() -> None:
    for front, provider, model, body in (
        ("openai-chat", "openai", "gpt-5.1", TURNS | {"reasoning_effort": "high"}),
        ("openai-chat", "openai", "unheard-of", TURNS | {"reasoning_effort": "xhigh"}),
        ("openai-responses", "openairesponses", "gpt-5.4", {"input": "hi", "reasoning": {"effort": "xhigh"}}),
        ("anthropic", "anthropic", "claude-opus-4-5", TURNS | {"max_tokens": 9, "output_config": {"effort": "low"}}),
        ("anthropic", "anthropic", "claude-opus-4-6", _enabled(2048, 9000)),
        ("anthropic", "anthropic", "claude-fable-5", TURNS | {"max_tokens": 9}),
        ("gemini", "gemini", "gemini-2.5-pro", _gemini(thinkingBudget=128)),
        ("gemini", "gemini", "gemini-3-pro-preview", _gemini(thinkingLevel="low", includeThoughts=True)),
        ("gemini", "gemini", "gemini-3.6-flash", _gemini(thinkingBudget=0)),
        ("ollama", "ollama", "gpt-oss:20b", TURNS | {"think": "high"}),
    ):
        assert explained(front, Levels(provider, model, (), ""), body).carried == "relayed", (model, body)
