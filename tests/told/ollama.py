"""/api/chat: fields beside each other, and calls are whole."""

import json
import random
from collections.abc import Iterator

from tests.told.answer import Json, Made, Told, joined, object_of, pieces

REASONS = ("stop", "stop", "length")
HEAD: Json = {"model": "m", "created_at": "2026-11-28T00:00:00Z"}


def told(answer: Made, rng: random.Random, *, stream: bool) -> bytes:
    """The bytes of an answer."""
    took, gave, _ = answer.usage or (0, 0, 0)
    counts = {"prompt_eval_count": took, "eval_count": gave} if answer.usage else {}
    end: Json = {"done": True, "done_reason": answer.reason} | counts
    if not stream:
        message: Json = {"role": "assistant", "content": joined(answer, "say")}
        message |= {"thinking": said} if (said := joined(answer, "think")) else {}
        calls = [_call(part) for part in answer.parts if part.kind == "call"]
        message |= {"tool_calls": calls} if calls else {}
        return json.dumps(HEAD | {"message": message} | end).encode()
    lines = [HEAD | {"message": {"role": "assistant"} | each, "done": False} for each in _messages(answer, rng)]
    lines.append(HEAD | {"message": {"role": "assistant", "content": ""}} | end)
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _messages(answer: Made, rng: random.Random) -> Iterator[Json]:
    for part in answer.parts:
        match part.kind:
            case "say" | "refuse":
                yield from ({"content": piece} for piece in pieces(part.text, rng))
            case "think":
                yield from ({"content": "", "thinking": piece} for piece in pieces(part.text, rng))
            case "call":
                yield {"content": "", "tool_calls": [_call(part)]}
            case _:
                yield {"content": "", "mood": part.text}


def _call(part: Told) -> Json:
    call: Json = {"function": {"name": part.name, "arguments": object_of(part)}}
    return call | ({"id": part.id} if part.id else {})
