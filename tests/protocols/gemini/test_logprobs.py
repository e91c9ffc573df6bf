"""Log probabilities of a service's answer: what of a block has a place, and what becomes of the rest."""

import json
from typing import Any

import pytest

from dragoman.protocols.answer_losses import answer_losses
from dragoman.protocols.gemini.client import GeminiClient
from dragoman.protocols.gemini.server import GeminiServer
from dragoman.protocols.openai_chat import OpenAIChatServer
from dragoman.types import ChatRequest, StreamEvent, fold, user
from tests.recorded.plain import events_of
from tests.support.cuts import drive
from tests.support.env import fixed_env

REQUEST = ChatRequest(model="m", messages=(user("hi"),))
HI = {"token": "Hi", "tokenId": 4, "logProbability": -0.5}
HO = {"token": "Ho", "tokenId": 5, "logProbability": -1.5}
TEXT = {"text": "Hi"}
CALL = {"functionCall": {"name": "f", "args": {}}}


def reply(part: dict[str, Any], block: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": [part], "role": "model"}, "logprobsResult": block, "index": 0} | more]}


def decoded(*replies: dict[str, Any], whole: bool = False) -> list[StreamEvent]:
    data = [json.dumps(each).encode() for each in replies]
    body = data[0] if whole else b"".join(b"data: %b\r\n\r\n" % each for each in data)
    events, error = drive(GeminiClient("http://service.example").decoder(REQUEST), [body])
    assert error is None
    return events


def streamed(events: list[StreamEvent]) -> list[dict[str, Any]]:
    sent = GeminiServer().encoder(REQUEST, fixed_env()).send(events)
    return [each["candidates"][0] for each in events_of(sent)]


def lost(events: list[StreamEvent]) -> set[str]:
    return {loss.name for loss in answer_losses(events, OpenAIChatServer.expresses, OpenAIChatServer.name)}


BOTH = {"chosenCandidates": [HI], "topCandidates": [{"candidates": [HO]}]}


@pytest.mark.parametrize("whole", [False, True])
def test_ids_of_tokens_arrive_at_the_same_protocol_and_are_named_at_another(whole: bool) -> None:
    events = decoded(reply(TEXT, BOTH, finishReason="STOP"), whole=whole)
    assert lost(events) == {"answer.text.logprobs.id"}
    assert [each.get("logprobsResult") for each in streamed(events)] == [BOTH, None]
    body = GeminiServer().encode_response(fold(events), REQUEST, fixed_env()).body
    assert json.loads(body)["candidates"][0]["logprobsResult"] == BOTH


def test_an_id_of_one_of_the_likely_tokens_is_named_too() -> None:
    block = {"chosenCandidates": [{"token": "Hi", "logProbability": -0.5}], "topCandidates": [{"candidates": [HO]}]}
    assert lost(decoded(reply(TEXT, block, finishReason="STOP"))) == {"answer.text.logprobs.id"}


def test_tokens_without_ids_are_no_loss() -> None:
    block = {"chosenCandidates": [{"token": "Hi", "logProbability": -0.5}]}
    assert lost(decoded(reply(TEXT, block, finishReason="STOP"))) == set()


def test_tokens_of_a_call_are_kept_of_all_chunks() -> None:
    events = decoded(
        reply(CALL, {"chosenCandidates": [HI]}), reply(CALL, {"chosenCandidates": [HO]}, finishReason="STOP")
    )
    assert lost(events) == {"answer.candidate.logprobsResult"}
    assert streamed(events)[-1]["logprobsResult"] == {"chosenCandidates": [HI, HO]}


def test_what_a_block_says_besides_tokens_is_kept_without_them() -> None:
    events = decoded(reply(TEXT, {"chosenCandidates": [HI], "logProbabilitySum": -0.5}, finishReason="STOP"))
    assert lost(events) == {"answer.candidate.logprobsResult", "answer.text.logprobs.id"}
    assert [each.get("logprobsResult") for each in streamed(events)] == [
        {"chosenCandidates": [HI]},
        {"logProbabilitySum": -0.5},
    ]


def test_a_token_without_a_probability_is_kept() -> None:
    block = {"chosenCandidates": [HI, {"token": "?"}]}
    assert fold(decoded(reply(TEXT, block, finishReason="STOP"))).extra["gemini"]["candidate.logprobsResult"] == block
