"""Five dialects with opaque state, spoken by hand: services that sign their answers, callers who send them back."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from msgspec import Struct

JSON = {"content-type": "application/json"}
Body = dict[str, Any]
Items = list[Body]
"""What a caller's protocol calls messages, items or contents."""


class Signed(Struct, frozen=True):
    """A dialect, at both ends."""

    reply: Callable[[str, str], Body]
    """A service's answer with reasoning: its opaque state, and its text."""
    path: Callable[[str], str]
    """Where a caller asks a model."""
    body: Callable[[str, Items], Body]
    """A caller's request."""
    user: Callable[[str], Body]
    """A turn of the user."""
    turn: Callable[[Body], Items]
    """An answer as its caller sends it back, with all that came."""
    base: str = ""
    """What a provider's `url` has after the host."""
    signs: bool = True
    """Whether the dialect has opaque state."""


def _chat_reply(state: str, text: str) -> Body:
    details = [{"type": "reasoning.encrypted", "data": state, "index": 0}]
    said = {"role": "assistant", "content": text, "reasoning": "Hm.", "reasoning_details": details}
    choice = {"index": 0, "message": said, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def _anthropic_reply(state: str, text: str) -> Body:
    blocks = [{"type": "thinking", "thinking": "Hm.", "signature": state}, {"type": "text", "text": text}]
    head = {"id": "x", "type": "message", "role": "assistant", "model": "m", "content": blocks}
    return head | {"stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}


def _responses_reply(state: str, text: str) -> Body:
    part = {"type": "output_text", "text": text, "annotations": []}
    output = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": state},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]},
    ]
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "error": None}
    return head | {"status": "completed", "incomplete_details": None, "output": output}


def _gemini_reply(state: str, text: str) -> Body:
    parts: Items = [{"text": "Hm.", "thought": True}, {"text": text, "thoughtSignature": state}]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "modelVersion": "m", "responseId": "x"}


def _ollama_reply(state: str, text: str) -> Body:
    said = {"role": "assistant", "content": text, "thinking": "Hm."}
    return {"model": "m", "created_at": "2026-11-21T10:27:15Z", "message": said, "done": True, "done_reason": "stop"}


def _message(text: str) -> Body:
    return {"role": "user", "content": text}


def _whole(model: str, messages: Items) -> Body:
    return {"model": model, "messages": messages, "stream": False}


def _at(path: str) -> Callable[[str], str]:
    return lambda model: path


SIGNED: dict[str, Signed] = {
    "openai-chat": Signed(
        _chat_reply,
        _at("/v1/chat/completions"),
        _whole,
        _message,
        lambda got: [got["choices"][0]["message"]],
        base="/v1",
    ),
    "openai-responses": Signed(
        _responses_reply,
        _at("/v1/responses"),
        lambda model, items: {"model": model, "input": items, "store": False},
        _message,
        lambda got: list(got["output"]),
        base="/v1",
    ),
    "anthropic": Signed(
        _anthropic_reply,
        _at("/v1/messages"),
        lambda model, messages: {"model": model, "max_tokens": 100, "messages": messages},
        _message,
        lambda got: [{"role": "assistant", "content": got["content"]}],
    ),
    "gemini": Signed(
        _gemini_reply,
        lambda model: f"/v1beta/models/{model}:generateContent",
        lambda model, contents: {"contents": contents},
        lambda text: {"role": "user", "parts": [{"text": text}]},
        lambda got: [got["candidates"][0]["content"]],
    ),
    "ollama": Signed(
        _ollama_reply,
        _at("/api/chat"),
        _whole,
        _message,
        lambda got: [got["message"]],
        signs=False,
    ),
}


def spellings(canary: str) -> list[bytes]:
    """`canary` as a body may have it: as it is, and inside of base64, whatever comes before it."""
    found = [canary.encode()]
    for shift in range(3):
        text = b64encode(b"\0" * shift + canary.encode())
        found.append(text[4 if shift else 0 : -4])
    return found


def encoded(body: Body) -> bytes:
    """A body on the wire."""
    return json.dumps(body).encode()
