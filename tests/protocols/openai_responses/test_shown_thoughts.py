"""Thoughts of services without summaries, for callers who ask for a summary: told as one, and thoughts again later."""

import json
from typing import Any

import pytest

from dragoman.protocols.opaque import STATELESS
from dragoman.protocols.openai_responses import OpenAIResponsesServer
from dragoman.protocols.openai_responses.encode_stream import AnswerEncoder
from dragoman.types import (
    AnyPart,
    ChatRequest,
    ChatResponse,
    OpaqueState,
    Reasoning,
    ReasoningConfig,
    ServerRequest,
    Text,
    unfold,
    user,
)
from tests.support.env import fixed_env
from tests.support.responses import Stream

SERVER = OpenAIResponsesServer()
SIGNED = Reasoning(text="Long", opaque=OpaqueState("anthropic", "c2ln", "abcdefgh"))
SUMMED = Reasoning(text="Short", form="summary")
OWN = Reasoning(text="Own", item="rs_7")


def asked(summary: str | None, *include: str) -> ChatRequest:
    body = {"model": "m", "input": "x", "reasoning": {"summary": summary}, "include": include}
    return SERVER.decode_request(ServerRequest(method="POST", path="/v1/responses", body=json.dumps(body).encode()))


def items(request: ChatRequest, parts: tuple[AnyPart, ...], *, stream: bool) -> list[dict[str, Any]]:
    """Those of an answer of `parts`."""
    answer = ChatResponse(parts=parts, finish_reason="stop")
    if not stream:
        found: list[dict[str, Any]] = json.loads(SERVER.encode_response(answer, request, fixed_env()).body)["output"]
        return found
    encoder = AnswerEncoder(request, fixed_env())
    return Stream(b"".join(encoder.send([event]) for event in unfold(answer))).items


@pytest.mark.parametrize("stream", [False, True])
def test_thoughts_are_the_summary_that_was_asked_for(stream: bool) -> None:
    whole, short, own, text = items(asked("auto"), (SIGNED, SUMMED, OWN, Text(text="said")), stream=stream)
    assert whole["summary"] == [{"type": "summary_text", "text": "Long"}]
    assert whole["id"].startswith("rst_dr1")
    assert "content" not in whole
    assert short["summary"] == [{"type": "summary_text", "text": "Short"}]
    assert short["id"].startswith("rs_dr1")
    assert own["content"] == [{"type": "reasoning_text", "text": "Own"}], "a service's own item is as it says"
    assert text["type"] == "message"


@pytest.mark.parametrize("stream", [False, True])
def test_thoughts_are_thoughts_if_nobody_asks_for_a_summary(stream: bool) -> None:
    (item,) = items(asked(None), (SIGNED,), stream=stream)
    assert item["content"] == [{"type": "reasoning_text", "text": "Long"}]
    assert item["summary"] == []


@pytest.mark.parametrize("stream", [False, True])
def test_what_comes_back_is_what_the_service_said(stream: bool) -> None:
    said = items(asked("detailed"), (SIGNED, SUMMED), stream=stream)
    body = json.dumps({"model": "m", "input": [{"role": "user", "content": "x"}, *said]}).encode()
    request = SERVER.decode_request(ServerRequest(method="POST", path="/v1/responses", body=body))
    thoughts = [part for part in request.messages[1].parts if isinstance(part, Reasoning)]
    assert [(part.text, part.form, part.opaque) for part in thoughts] == [
        ("Long", "full", SIGNED.opaque),
        ("Short", "summary", None),
    ]
    assert request.messages[0] == user("x")


def test_only_a_display_of_a_summary_changes_them() -> None:
    request = ChatRequest(model="m", messages=(user("x"),), reasoning=ReasoningConfig(display="full"))
    assert "content" in items(request, (SIGNED,), stream=False)[0]


@pytest.mark.parametrize("stream", [False, True])
def test_who_wants_state_gets_a_mark_where_there_is_none(stream: bool) -> None:
    """AI SDK 6 sends back no reasoning without `encrypted_content`, if nothing is stored."""
    request = asked("auto", "reasoning.encrypted_content")
    plain = Reasoning(text="Plain")
    said = items(request, (plain, Text(text="said"), SIGNED, Text(text="more"), OWN), stream=stream)
    marked, signed, own = (item for item in said if item["type"] == "reasoning")
    assert marked["encrypted_content"] == STATELESS
    assert signed["encrypted_content"].endswith(".anthropic.c2ln")
    assert "encrypted_content" not in own, "a service's own item is as it says"
    body = json.dumps({"model": "m", "input": [{"role": "user", "content": "x"}, marked]}).encode()
    (back,) = SERVER.decode_request(ServerRequest(method="POST", path="/v1/responses", body=body)).messages[1].parts
    assert isinstance(back, Reasoning)
    assert (back.text, back.form, back.opaque) == ("Plain", "full", None)
