"""Counts of tokens that services report: an absurd one is unknown, on every path."""

from json import dumps
from typing import Any

import pytest

from dragoman.protocols.reported_count import MOST, read_count
from dragoman.types import Usage
from tests.support.readings import decoded, tapped


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (12, 12),
        (12.0, 12),
        ("12", 12),
        (MOST, MOST),
        (MOST + 1, None),
        (10**400, None),
        (1e300, None),
        (float("inf"), None),
        ("9" * 18, None),
        ("9" * 5000, None),
        ("١٢", None),
        ("", None),
        (-1, None),
        (-1.0, None),
        (12.5, None),
        (True, None),
        (None, None),
        ([12], None),
    ],
)
def test_what_is_a_count(value: object, count: int | None) -> None:
    assert read_count(value) == count


def chat(count: object) -> bytes:
    choice = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": count, "completion_tokens_details": {"reasoning_tokens": count}}
    return sse({"choices": [choice], "usage": usage}) + b"data: [DONE]\n\n"


def messages(count: object) -> bytes:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": count}}}
    return (
        sse(start)
        + sse({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hi"}})
        + sse({"type": "content_block_stop", "index": 0})
        + sse({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": count}})
        + sse({"type": "message_stop"})
    )


def responses(count: object) -> bytes:
    item = {"type": "message", "id": "i", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
    usage = {"input_tokens": 3, "output_tokens": count, "output_tokens_details": {"reasoning_tokens": count}}
    response = {"id": "r", "status": "completed", "output": [item], "usage": usage}
    return sse({"type": "response.completed", "response": response})


def gemini(count: object) -> bytes:
    candidate = {"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}
    details = [{"modality": "TEXT", "tokenCount": count}]
    usage = {"promptTokenCount": 3, "candidatesTokenCount": count, "candidatesTokensDetails": details}
    return sse({"candidates": [candidate], "usageMetadata": usage})


def ollama(count: object) -> bytes:
    message = {"role": "assistant", "content": "Hi"}
    line = {"message": message, "done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": count}
    return dumps(line).encode() + b"\n"


def sse(value: dict[str, Any]) -> bytes:
    return b"data: " + dumps(value).encode() + b"\n\n"


STREAMS = {
    "openai-chat": chat,
    "anthropic": messages,
    "openai-responses": responses,
    "gemini": gemini,
    "ollama": ollama,
}


@pytest.mark.parametrize("count", [10**400, MOST + 1, -1])
@pytest.mark.parametrize("dialect", STREAMS)
def test_an_answer_with_an_absurd_count_is_whole_and_the_count_unknown(dialect: str, count: int) -> None:
    body = STREAMS[dialect](count)
    read = decoded(dialect, body)
    assert tapped(dialect, [body]) == read
    error, _, usage, reason, empty, _ = read
    assert (error, reason, empty) == (None, "stop", False)
    assert isinstance(usage, Usage)
    assert (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) == (3, None, None)
    assert not usage.details
