"""Reasons to stop in words of another protocol: of servers that emulate several."""

import json
from collections.abc import Callable, Mapping

import pytest

from dragoman.protocols.base import ClientCodec
from dragoman.protocols.openai_responses.finish_reasons import encode_reason
from dragoman.protocols.registry import DIALECTS
from dragoman.types import ChatRequest, ResponseEnd, user
from tests.support.signed import Body

REQUEST = ChatRequest(model="m", messages=(user("hi"),))


def _chat(reason: str) -> Body:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {"id": "c", "model": "m", "choices": [{"index": 0, "message": said, "finish_reason": reason}]}


def _anthropic(reason: str) -> Body:
    block = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
    head = {"id": "x", "type": "message", "role": "assistant", "model": "m", "content": [block]}
    return head | {"stop_reason": reason, "usage": {"input_tokens": 1, "output_tokens": 1}}


def _gemini(reason: str) -> Body:
    parts = [{"functionCall": {"name": "f", "args": {}}}]
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": reason, "index": 0}]}


def _ollama(reason: str) -> Body:
    said = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}
    return {"model": "m", "message": said, "done": True, "done_reason": reason}


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("max_tokens", "length"),
        ("length", "length"),
        ("safety", "content_filter"),
        ("pause_turn", "pause"),
        ("pause", "pause"),
        ("stop", "other"),
        ("tool_calls", "other"),
        ("steered", "other"),
    ],
)
def test_so_does_one_of_an_incomplete_answer(word: str, reason: str) -> None:
    answer = {"id": "r", "object": "response", "status": "incomplete", "output": []}
    body = json.dumps(answer | {"incomplete_details": {"reason": word}}).encode()
    decoder = DIALECTS["openai-responses"].client("http://h").decoder(REQUEST)  # type: ignore[call-arg]
    end = [*decoder.feed(body), *decoder.finish()][-1]
    assert isinstance(end, ResponseEnd)
    assert (end.finish_reason, end.native_finish_reason) == (reason, word)


@pytest.mark.parametrize("details", [None, {}, {"reason": None}])
def test_an_incomplete_answer_without_a_reason_is_cut(details: object) -> None:
    answer = {"id": "r", "object": "response", "status": "incomplete", "output": [], "incomplete_details": details}
    decoder = DIALECTS["openai-responses"].client("http://h").decoder(REQUEST)  # type: ignore[call-arg]
    end = [*decoder.feed(json.dumps(answer).encode()), *decoder.finish()][-1]
    assert isinstance(end, ResponseEnd)
    assert (end.finish_reason, end.native_finish_reason) == ("length", "incomplete")
    assert encode_reason(end.finish_reason, end.native_finish_reason, refusal=False) == ("incomplete", None)


REPLIES = {"openai-chat": _chat, "anthropic": _anthropic, "gemini": _gemini, "ollama": _ollama}
WORDS: Mapping[str, str] = {
    "FUNCTION_CALL": "tool_call",
    "TOOL_CALLS": "tool_call",
    "tool_use": "tool_call",
    "tool_calls": "tool_call",
    "LENGTH": "length",
    "max_tokens": "length",
    "incomplete": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "MALFORMED_FUNCTION_CALL": "other",
}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("service", REPLIES)
def test_a_word_of_another_protocol_means_what_it_means_there(service: str, word: str) -> None:
    """Agents run calls only if the answer ends for them: those of aimock's Gemini were left, and the turn was over."""
    client: Callable[[str], ClientCodec] = DIALECTS[service].client
    decoder = client("http://h").decoder(REQUEST)
    events = [*decoder.feed(json.dumps(REPLIES[service](word)).encode()), *decoder.finish()]
    end = events[-1]
    assert isinstance(end, ResponseEnd)
    assert end.finish_reason == WORDS[word]
