"""generateContent: parts, and each reply has some."""

import json
import random
from collections.abc import Iterator

from tests.told.answer import Json, Made, joined, object_of, pieces, sse

REASONS = ("STOP", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION")


def told(answer: Made, rng: random.Random, *, stream: bool) -> bytes:
    """The bytes of an answer."""
    parts = list(_parts(answer, rng, stream=stream))
    head: Json = {"modelVersion": "m", "responseId": "r1"}
    if answer.usage is not None:
        took, gave, thought = answer.usage
        counts = {"promptTokenCount": took, "candidatesTokenCount": gave - thought, "thoughtsTokenCount": thought}
        head["usageMetadata"] = counts | {"totalTokenCount": took + gave}
    end: Json = {"finishReason": answer.reason} | _grounding(answer)
    if not stream:
        return json.dumps(head | {"candidates": [{"content": {"role": "model", "parts": parts}} | end]}).encode()
    out: list[Json] = []
    while parts:
        count = rng.choice((1, 1, 1, 2, 5))
        out.append({"content": {"role": "model", "parts": parts[:count]}, "index": 0})
        del parts[:count]
    if rng.random() < 0.5:
        out[-1] |= end
    else:
        out.append(end | ({"content": {"role": "model", "parts": [{"text": ""}]}} if rng.random() < 0.5 else {}))
    return b"".join(sse(head | {"candidates": [each]}) for each in out)


def _parts(answer: Made, rng: random.Random, *, stream: bool) -> Iterator[Json]:
    for part in answer.parts:
        said = pieces(part.text, rng) if stream else [part.text]
        match part.kind:
            case "say" | "refuse":
                yield from ({"text": piece} for piece in said)
            case "think":
                *before, last = said
                yield from ({"text": piece, "thought": True} for piece in before)
                yield {"text": last, "thought": True} | ({"thoughtSignature": part.proof} if part.proof else {})
            case "call":
                call = {"name": part.name, "args": object_of(part)} | ({"id": part.id} if part.id else {})
                yield {"functionCall": call} | ({"thoughtSignature": "c2ln"} if rng.random() < 0.2 else {})
            case _:
                yield {"mood": part.text}


def _grounding(answer: Made) -> Json:
    text = joined(answer, "say")
    count = max((part.sources for part in answer.parts), default=0)
    if not count:
        return {}
    chunks = [{"web": {"uri": f"https://s.example/{number}", "title": "T"}} for number in range(count)]
    segment = {"startIndex": 0, "endIndex": len(text.encode()), "text": text}
    supports = [{"segment": segment, "groundingChunkIndices": [number]} for number in range(count)]
    return {"groundingMetadata": {"groundingChunks": chunks, "groundingSupports": supports}}
