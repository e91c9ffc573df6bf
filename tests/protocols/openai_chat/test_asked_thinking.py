"""Fields of services' own in which their clients ask a model to think."""

import json
from typing import Any

import pytest

from dragoman.protocols.anthropic import AnthropicClient
from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.protocols.openai_chat.request import decode_body
from dragoman.types import ModelProfile, ReasoningConfig
from tests.support.env import fixed_env

HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}

ASKED: list[tuple[dict[str, Any], ReasoningConfig]] = [
    # openrouter, together: OpenRouterTeam/python-sdk `components/chatrequest.py`
    ({"reasoning": {"effort": "high"}}, ReasoningConfig(effort="high")),
    ({"reasoning": {"effort": "high", "summary": None, "enabled": True}}, ReasoningConfig(effort="high")),
    ({"reasoning": {"effort": "high", "summary": "auto"}}, ReasoningConfig(effort="high", display="summary")),
    ({"reasoning": {"max_tokens": 2048}}, ReasoningConfig(budget_tokens=2048)),
    ({"reasoning": {"enabled": True}}, ReasoningConfig("on")),
    ({"reasoning": {"enabled": False}}, ReasoningConfig("off")),
    ({"reasoning": {"effort": "low", "exclude": True}}, ReasoningConfig(effort="low", display="none")),
    # zai-org/z-ai-sdk-python, fw-ai's SDK, vercel/ai `packages/deepseek`
    ({"thinking": {"type": "enabled"}}, ReasoningConfig("on")),
    ({"thinking": {"type": "disabled"}}, ReasoningConfig("off")),
    ({"thinking": {"type": "auto"}}, ReasoningConfig("adaptive")),
    ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, ReasoningConfig("on", budget_tokens=2048)),
    ({"thinking": {"type": "enabled"}, "reasoning_effort": "max"}, ReasoningConfig(effort="max")),
    # Alibaba Model Studio
    ({"enable_thinking": True, "thinking_budget": 4000}, ReasoningConfig("on", budget_tokens=4000)),
    ({"enable_thinking": False}, ReasoningConfig("off")),
]

NOT_UNDERSTOOD: list[dict[str, Any]] = [
    {"reasoning": {"effort": None, "summary": None}},
    {"reasoning": {"effort": "high", "other": 1}},
    {"reasoning": {"max_tokens": "2048"}},
    {"reasoning": {"max_tokens": True}},
    {"reasoning": "high"},
    {"thinking": None},
    {"thinking": {"type": "deep"}},
    {"thinking": {"budget_tokens": 1}},
    {"enable_thinking": "yes"},
    {"thinking_budget": 5},
]


@pytest.mark.parametrize(("fields", "config"), ASKED)
def test_what_such_a_field_says_is_a_setting(fields: dict[str, Any], config: ReasoningConfig) -> None:
    request = decode_body(HELLO | fields)
    assert request.reasoning == config
    names = {loss.name for loss in AnthropicClient("https://a").losses(request, ModelProfile())}
    assert names.isdisjoint(fields)


@pytest.mark.parametrize("fields", NOT_UNDERSTOOD)
def test_a_field_that_is_not_understood_is_left_as_it_came(fields: dict[str, Any]) -> None:
    request = decode_body(HELLO | fields)
    assert request.reasoning is None
    assert _sent(request) == HELLO | fields


@pytest.mark.parametrize(("fields", "config"), ASKED)
def test_a_service_of_the_protocol_gets_the_field_as_it_came(fields: dict[str, Any], config: ReasoningConfig) -> None:
    request = decode_body(HELLO | fields)
    assert _sent(request) == HELLO | fields
    assert not OpenAIChatClient("https://a").losses(request, ModelProfile())


def _sent(request: Any) -> dict[str, Any]:
    client = OpenAIChatClient("https://a")
    fitted = client.fit(request, ModelProfile())
    body = json.loads(bytes(client.encode_request(fitted, fixed_env()).body))
    return {name: value for name, value in body.items() if name not in {"stream", "stream_options"}}
