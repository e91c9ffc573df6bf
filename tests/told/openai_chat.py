"""Chat Completions: fields beside each other, so that a whole answer has no order."""

import json
import random

from tests.told.answer import Json, Made, Told, joined, pieces, sse

REASONS = ("stop", "tool_calls", "length", "content_filter")
HEAD: Json = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m"}
THOUGHTS = ("reasoning", "reasoning_content")


def told(answer: Made, rng: random.Random, *, stream: bool) -> bytes:
    """The bytes of an answer."""
    return _stream(answer, rng) if stream else _whole(answer, rng)


def _whole(answer: Made, rng: random.Random) -> bytes:
    message: Json = {"role": "assistant", "content": joined(answer, "say") or rng.choice((None, ""))}
    message |= {"refusal": said} if (said := joined(answer, "refuse")) else {}
    message |= {rng.choice(THOUGHTS): said} if (said := joined(answer, "think")) else {}
    calls = [_call(part) for part in answer.parts if part.kind == "call"]
    message |= {"tool_calls": calls} if calls else {}
    message |= {"annotations": notes} if (notes := _sources(answer)) else {}
    choice = {"index": 0, "message": message, "finish_reason": answer.reason}
    usage = _usage(answer)
    return json.dumps(HEAD | {"choices": [choice]} | ({"usage": usage} if usage else {})).encode()


def _stream(answer: Made, rng: random.Random) -> bytes:
    out = [_chunk({"role": "assistant", "content": rng.choice((None, ""))})]
    field = rng.choice(THOUGHTS)
    calls = 0
    for part in answer.parts:
        match part.kind:
            case "think":
                out += [_chunk({field: piece}) for piece in pieces(part.text, rng)]
                if part.proof:
                    detail = {"type": "reasoning.text", "signature": part.proof, "index": 0}
                    detail |= {"text": part.text} if rng.random() < 0.5 else {}
                    out.append(_chunk({"reasoning_details": [detail]}))
            case "say" | "refuse":
                name = "content" if part.kind == "say" else "refusal"
                out += [_chunk({name: piece}) for piece in pieces(part.text, rng)]
            case "call":
                first, *rest = pieces(part.text, rng)
                out.append(_chunk({"tool_calls": [_call(part, first) | {"index": calls}]}))
                more = [{"index": calls, "function": {"arguments": piece}} for piece in rest]
                out += [_chunk({"tool_calls": [each]}) for each in more]
                calls += 1
            case _:
                out.append(_chunk({"mood": part.text}))
    if notes := _sources(answer):
        out.append(_chunk({"annotations": notes}))
    last = _chunk({}, answer.reason)
    report = sse(HEAD | {"choices": [], "usage": usage}) if (usage := _usage(answer)) else b""
    out += rng.choice(([last, report], [last, report], [report, last]))
    return b"".join([*out, b"data: [DONE]\n\n"])


def _chunk(delta: Json, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return sse(HEAD | {"object": "chat.completion.chunk", "choices": [choice]})


def _call(part: Told, begun: str | None = None) -> Json:
    text = part.text if begun is None else begun
    call: Json = {"type": "function", "function": {"name": part.name, "arguments": text}}
    return call | ({"id": part.id} if part.id else {})


def _usage(answer: Made) -> Json | None:
    if answer.usage is None:
        return None
    took, gave, thought = answer.usage
    details = {"completion_tokens_details": {"reasoning_tokens": thought}}
    return {"prompt_tokens": took, "completion_tokens": gave, "total_tokens": took + gave} | details


def _sources(answer: Made) -> list[Json]:
    found: list[Json] = []
    at = 0
    for part in answer.parts:
        if part.kind == "say":
            end = at + len(part.text)
            for number in range(part.sources):
                cited = {"url": f"https://s.example/{number}", "title": "T", "start_index": at, "end_index": end}
                found.append({"type": "url_citation", "url_citation": cited})
            at = end
    return found
