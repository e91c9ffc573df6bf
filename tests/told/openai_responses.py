"""Responses: items, each of which is said again when it is done, and once more at the end."""

import json
import random
from collections.abc import Iterator

from tests.told.answer import Json, Made, Told, pieces, sse

REASONS = ("completed", "completed", "max_output_tokens", "content_filter")
TEXTS = {
    "say": "output_text",
    "refuse": "refusal",
    "call": "function_call_arguments",
    "think": "reasoning_summary_text",
}
"""Kinds of parts, and the events of their texts."""
FIELDS = {"refuse": "refusal", "call": "arguments"}
"""The field of a whole text, if it is not `text`."""
EMPTY: Json = {"content": [], "summary": [], "arguments": ""}
"""What of an item is not there yet when it begins."""


def told(answer: Made, rng: random.Random, *, stream: bool) -> bytes:
    """The bytes of an answer."""
    items = [_item(part, number) for number, part in enumerate(answer.parts)]
    whole: Json = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": items}
    cut = None if answer.reason == "completed" else {"reason": answer.reason}
    whole |= {"status": "completed" if cut is None else "incomplete", "incomplete_details": cut}
    begun = whole | {"status": "in_progress", "output": []}
    if answer.usage is not None:
        took, gave, thought = answer.usage
        counts: Json = {"input_tokens": took, "output_tokens": gave, "total_tokens": took + gave}
        whole["usage"] = counts | {"output_tokens_details": {"reasoning_tokens": thought}}
    if not stream:
        return json.dumps(whole).encode()
    out: list[Json] = [{"type": "response.created", "response": begun}]
    told = [list(_events(part, number, rng)) for number, part in enumerate(answer.parts)]
    if rng.random() < 0.2:
        while any(told):
            out.append(rng.choice([each for each in told if each]).pop(0))
    out += [event for each in told for event in each]
    if rng.random() < 0.1:
        whole["output"] = []
    out.append({"type": f"response.{whole['status']}", "response": whole})
    return b"".join(sse(value | {"sequence_number": at}, value["type"]) for at, value in enumerate(out))


def _item(part: Told, number: int) -> Json:
    match part.kind:
        case "say":
            content: Json = {"type": "output_text", "text": part.text, "annotations": list(_annotations(part))}
            return {"type": "message", "id": f"msg_{number}", "role": "assistant", "content": [content]}
        case "refuse":
            content = {"type": "refusal", "refusal": part.text}
            return {"type": "message", "id": f"msg_{number}", "role": "assistant", "content": [content]}
        case "think":
            summary = [{"type": "summary_text", "text": part.text}] if part.text else []
            proof = {"encrypted_content": part.proof} if part.proof else {}
            return {"type": "reasoning", "id": f"rs_{number}", "summary": summary} | proof
        case "call":
            call = {"type": "function_call", "id": f"fc_{number}", "name": part.name, "arguments": part.text}
            return call | ({"call_id": part.id} if part.id else {})
    return {"type": "mood", "id": f"mo_{number}", "mood": part.text}


def _annotations(part: Told) -> Iterator[Json]:
    for number in range(part.sources):
        place = {"start_index": 0, "end_index": len(part.text)}
        yield {"type": "url_citation", "url": f"https://s.example/{number}", "title": "T"} | place


def _events(part: Told, number: int, rng: random.Random) -> Iterator[Json]:
    item = _item(part, number)
    begun = {name: EMPTY.get(name, value) for name, value in item.items() if name != "encrypted_content"}
    if rng.random() < 0.9:
        yield {"type": "response.output_item.added", "output_index": number, "item": begun}
    if part.kind in TEXTS and item.get("summary") != []:
        yield from _text_events(part, item, {"output_index": number, "item_id": item["id"]}, rng)
    if rng.random() < 0.9:
        yield {"type": "response.output_item.done", "output_index": number, "item": item}


def _text_events(part: Told, item: Json, place: Json, rng: random.Random) -> Iterator[Json]:
    kind = TEXTS[part.kind]
    place |= {"summary_index": 0} if part.kind == "think" else {} if part.kind == "call" else {"content_index": 0}
    if rng.random() < 0.8:
        for piece in pieces(part.text, rng):
            yield {"type": f"response.{kind}.delta", "delta": piece} | place
    if part.kind == "say" and rng.random() < 0.7:
        for at, note in enumerate(_annotations(part)):
            added = {"type": "response.output_text.annotation.added", "annotation": note, "annotation_index": at}
            yield added | place
    if rng.random() < 0.7:
        yield {"type": f"response.{kind}.done", FIELDS.get(part.kind, "text"): part.text} | place
    if part.kind in {"say", "refuse"} and rng.random() < 0.7:
        yield {"type": "response.content_part.done", "part": item["content"][0]} | place
    if part.kind == "think" and rng.random() < 0.7:
        yield {"type": "response.reasoning_summary_part.done", "part": item["summary"][0]} | place
