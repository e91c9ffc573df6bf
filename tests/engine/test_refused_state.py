"""A service that refuses its own opaque state is asked once more without it, and what is lost by that is named."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.engine.answer import whole
from dragoman.engine.call import open_answer
from dragoman.engine.service import Service
from dragoman.errors import InvalidRequestError, OpaqueStateError
from dragoman.protocols.anthropic import AnthropicClient
from dragoman.protocols.base import ClientCodec
from dragoman.protocols.gemini import GeminiClient
from dragoman.protocols.openai_responses import OpenAIResponsesClient
from dragoman.transport.base import Route
from dragoman.types import ChatRequest, Message, OpaqueState, Reasoning, Text, names, user
from tests.support.canned import CannedReply, CannedTransport
from tests.support.env import fixed_env

URL = "http://service"
DATA = "Y2FuYXJ5"
JSON = "application/json"
EVENTS = "text/event-stream"

ANTHROPIC = AnthropicClient(URL)
RESPONSES = OpenAIResponsesClient(URL)
GEMINI = GeminiClient(URL)


def refused(codec: ClientCodec) -> dict[str, Any]:
    words = "messages.1.content.0: Invalid `signature` in `thinking` block"
    said: dict[str, dict[str, Any]] = {
        "anthropic": {"type": "error", "error": {"type": "invalid_request_error", "message": words}},
        "openai-responses": {"error": {"message": "no", "type": "x", "code": "invalid_encrypted_content"}},
        "gemini": {"error": {"code": 400, "message": "Corrupted thought signature.", "status": "INVALID_ARGUMENT"}},
    }
    return said[codec.name]


def answer(codec: ClientCodec) -> dict[str, Any]:
    text = {"type": "output_text", "text": "Fine.", "annotations": []}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
    content = {"role": "model", "parts": [{"text": "Fine."}]}
    said: dict[str, dict[str, Any]] = {
        "anthropic": {
            "id": "x",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [{"type": "text", "text": "Fine."}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 1, "output_tokens": 1},
        },
        "openai-responses": {"id": "r", "object": "response", "model": "m", "status": "completed", "output": [item]},
        "gemini": {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}]},
    }
    return said[codec.name]


def bad(codec: ClientCodec) -> CannedReply:
    return CannedReply([[json.dumps(refused(codec)).encode()]], 400, JSON)


def good(codec: ClientCodec) -> CannedReply:
    return CannedReply([[json.dumps(answer(codec)).encode()]], 200, JSON)


def bad_in_stream(codec: ClientCodec) -> CannedReply:
    """The head of a good answer, and then the refusal."""
    created = {"type": "response.created", "response": {"id": "r", "object": "response", "output": []}}
    failed = {"type": "error", **refused(codec)}
    lines = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in (created, failed)]
    return CannedReply([lines[:1], lines[1:]], 200, EVENTS)


def service(codec: ClientCodec, *replies: CannedReply, strict: bool = False) -> tuple[Service, CannedTransport]:
    transport = CannedTransport(*replies)
    return Service("Up", codec, transport, Route(), strict), transport


def conversation(codec: ClientCodec, *, owned: bool = True) -> ChatRequest:
    state = OpaqueState(codec.name, DATA, codec.origin("m") if owned else "ffffffff")
    turn = Message("assistant", (Reasoning(text="Hm.", opaque=state), Text(text="Yes.")))
    return ChatRequest(model="m", messages=(user("Is it?"), turn, user("Sure?")))


STATE, REASONING = "messages[1].parts[0].opaque", "messages[1].parts[0] (reasoning)"

REFUSALS = [
    (ANTHROPIC, bad, {REASONING}),
    (RESPONSES, bad, {STATE, REASONING}),
    (RESPONSES, bad_in_stream, {STATE, REASONING}),
    (GEMINI, bad, {STATE}),
]


@pytest.mark.parametrize(("codec", "first", "lost"), REFUSALS)
async def test_it_is_asked_once_more_without_any_and_what_is_lost_is_named(
    codec: ClientCodec, first: Callable[[ClientCodec], CannedReply], lost: set[str]
) -> None:
    up, transport = service(codec, refusal := first(codec), good(codec))
    response = await whole(await open_answer(up, conversation(codec), fixed_env()))
    assert response.text == "Fine."
    assert set(names(response.losses)) == lost
    bodies = [sent.body or b"" for sent in transport.sent]
    assert [DATA.encode() in body for body in bodies] == [True, False]
    assert all(b"Yes." in body for body in bodies)
    assert refusal.closed


async def test_it_is_never_asked_a_third_time() -> None:
    up, transport = service(ANTHROPIC, bad(ANTHROPIC), bad(ANTHROPIC), good(ANTHROPIC))
    with pytest.raises(OpaqueStateError, match="Invalid `signature`"):
        await open_answer(up, conversation(ANTHROPIC), fixed_env())
    assert len(transport.sent) == 2


async def test_strict_allows_no_such_loss() -> None:
    up, transport = service(ANTHROPIC, bad(ANTHROPIC), good(ANTHROPIC), strict=True)
    with pytest.raises(OpaqueStateError):
        await open_answer(up, conversation(ANTHROPIC), fixed_env())
    assert len(transport.sent) == 1


async def test_a_service_that_got_none_is_not_asked_again() -> None:
    up, transport = service(ANTHROPIC, bad(ANTHROPIC), good(ANTHROPIC))
    with pytest.raises(OpaqueStateError):
        await open_answer(up, conversation(ANTHROPIC, owned=False), fixed_env())
    assert len(transport.sent) == 1
    assert DATA.encode() not in (transport.sent[0].body or b"")


async def test_any_other_refusal_stands() -> None:
    said = {"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens: Field required"}}
    reply = CannedReply([[json.dumps(said).encode()]], 400, JSON)
    up, transport = service(ANTHROPIC, reply, good(ANTHROPIC))
    with pytest.raises(InvalidRequestError, match="Field required"):
        await open_answer(up, conversation(ANTHROPIC), fixed_env())
    assert len(transport.sent) == 1
