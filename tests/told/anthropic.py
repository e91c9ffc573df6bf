"""Messages: blocks, one after the other."""

import json
import random
from collections.abc import Iterator

from tests.told.answer import Json, Made, Told, object_of, pieces, sse

REASONS = ("end_turn", "tool_use", "max_tokens", "refusal", "stop_sequence", "pause_turn")
EMPTY: Json = {"text": "", "thinking": "", "signature": "", "input": {}}
"""What of a block is not there yet when it begins."""


def told(answer: Made, rng: random.Random, *, stream: bool) -> bytes:
    """The bytes of an answer."""
    took, gave, _ = answer.usage or (0, 0, 0)
    blocks = [_block(part, number) for number, part in enumerate(answer.parts)]
    stop = "END" if answer.reason == "stop_sequence" else None
    reasons: Json = {"stop_reason": answer.reason, "stop_sequence": stop}
    head: Json = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
    if not stream:
        usage = {"usage": {"input_tokens": took, "output_tokens": gave}} if answer.usage else {}
        return json.dumps(head | {"content": blocks} | reasons | usage).encode()
    first, late = {"input_tokens": took, "output_tokens": 1}, {"output_tokens": gave}
    if rng.random() < 0.3:
        first, late = {"input_tokens": 0, "output_tokens": 0}, first | late
    begun = head | {"content": [], "stop_reason": None} | ({"usage": first} if answer.usage else {})
    out: list[Json] = [{"type": "message_start", "message": begun}]
    for number, (part, block) in enumerate(zip(answer.parts, blocks, strict=True)):
        start = {name: EMPTY.get(name, value) for name, value in block.items() if name != "citations"}
        out.append({"type": "content_block_start", "index": number, "content_block": start})
        out += [{"type": "content_block_delta", "index": number, "delta": each} for each in _deltas(part, rng)]
        if rng.random() < 0.1:
            out.append({"type": "ping"})
        out.append({"type": "content_block_stop", "index": number})
    end = {"type": "message_delta", "delta": reasons} | ({"usage": late} if answer.usage else {})
    return b"".join(sse(value, value["type"]) for value in [*out, end, {"type": "message_stop"}])


def _block(part: Told, number: int) -> Json:
    match part.kind:
        case "say" | "refuse":
            notes = [_source(part, each) for each in range(part.sources)]
            return {"type": "text", "text": part.text} | ({"citations": notes} if notes else {})
        case "think" if part.text or not part.proof:
            return {"type": "thinking", "thinking": part.text, "signature": part.proof}
        case "think":
            return {"type": "redacted_thinking", "data": part.proof}
        case "call":
            return {"type": "tool_use", "id": part.id or f"toolu_{number}", "name": part.name, "input": object_of(part)}
    return {"type": "mood", "mood": part.text}


def _source(part: Told, number: int) -> Json:
    source = {"type": "web_search_result_location", "url": f"https://s.example/{number}", "title": "T"}
    return source | {"cited_text": part.text[:9], "encrypted_index": "ZW5j"}


def _deltas(part: Told, rng: random.Random) -> Iterator[Json]:
    match part.kind:
        case "say" | "refuse":
            for number in range(part.sources):
                yield {"type": "citations_delta", "citation": _source(part, number)}
            yield from ({"type": "text_delta", "text": piece} for piece in pieces(part.text, rng))
        case "think" if part.text or not part.proof:
            yield from ({"type": "thinking_delta", "thinking": piece} for piece in pieces(part.text, rng))
            if part.proof:
                yield {"type": "signature_delta", "signature": part.proof}
        case "call":
            yield from ({"type": "input_json_delta", "partial_json": piece} for piece in pieces(part.text, rng))
        case _:
            return
