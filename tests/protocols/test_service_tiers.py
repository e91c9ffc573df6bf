"""How a request was served comes out where the caller's protocol has the field, and is named elsewhere."""

import json
from typing import Any

import pytest

from dragoman.protocols.openai_chat import OpenAIChatClient
from dragoman.types import ChangedField, ChatRequest, ChatResponse, ModelProfile, unfold, user
from tests.protocols.test_event_losses import answered
from tests.support.env import fixed_env
from tests.support.translating import read, streamed, whole


def said_by_chat(tier: str) -> ChatResponse:
    first = {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}], "service_tier": tier}
    return answered("openai-chat", first, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})


def said_by_responses(tier: str) -> ChatResponse:
    item = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "a", "annotations": []}]}
    end = {"id": "r", "status": "completed", "output": [item], "service_tier": tier}
    return answered("openai-responses", {"type": "response.completed", "response": end})


@pytest.mark.parametrize("tier", ["priority", "flex", "default"])
@pytest.mark.parametrize("asked", [said_by_chat, said_by_responses])
@pytest.mark.parametrize("front", ["openai-chat", "openai-responses"])
def test_a_tier_comes_out_in_both_protocols_of_the_family(front: str, asked: Any, tier: str) -> None:
    answer = asked(tier)
    for told in (streamed(front, [unfold(answer)]), whole(front, answer)):
        assert told.lost == set()
        again = read(front, told.body)
        assert again is not None
        assert again.extra["openai"] == {"service_tier": tier}
    assert json.loads(whole(front, answer).body)["service_tier"] == tier


@pytest.mark.parametrize("front", ["anthropic", "gemini", "ollama"])
def test_an_unusual_one_is_named_elsewhere(front: str) -> None:
    assert streamed(front, [unfold(said_by_chat("priority"))]).lost == {"answer.service_tier"}
    assert streamed(front, [unfold(said_by_chat("default"))]).lost == set()


def test_one_that_only_responses_has_is_asked_for_as_the_nearest() -> None:
    request = ChatRequest(model="m", messages=(user("a"),), service_tier="ultrafast")
    codec = OpenAIChatClient("http://up")
    body = json.loads(codec.encode_request(codec.fit(request, ModelProfile()), fixed_env()).body)
    assert body["service_tier"] == "fast"
    assert ChangedField("service_tier") in codec.losses(request, ModelProfile())
