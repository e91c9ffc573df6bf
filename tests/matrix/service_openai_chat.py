"""OpenAI's Chat Completions, as its services speak it."""

import json
from typing import Any

from tests.matrix.exchange import MESSAGE, Reply, Seen, Service, failed, halves, sse, streamed, whole
from tests.matrix.scenes import Answer, Call, Json, Refuse, Say, Think
from tests.support.server import ReceivedRequest

REASONS = {
    "done": "stop",
    "tool": "tool_calls",
    "length": "length",
    "stop_sequence": "stop",
    "refusal": "stop",
    "filter": "content_filter",
}
ERRORS = {
    "401": (401, "invalid_request_error", "invalid_api_key"),
    "429": (429, "requests", "rate_limit_exceeded"),
    "500": (500, "server_error", None),
    "overloaded": (503, "server_error", "overloaded"),
}
IN_BAND: Json = {"error": {"message": MESSAGE, "type": "server_error", "param": None, "code": None}}
HEAD = {"id": "chatcmpl-1", "created": 1_795_230_435, "model": "m"}


def read(request: ReceivedRequest) -> Seen:
    """Raises AssertionError for what the service would refuse."""
    assert request.path == "/v1/chat/completions", request.path
    assert request.headers["authorization"] == "Bearer key-of-service"
    body = json.loads(request.body)
    texts, images, files, results, thoughts, proofs = [], [], [], [], [], []
    calls: list[tuple[str, Json | str]] = []
    open_calls: set[str] = set()
    for message in body["messages"]:
        role = message["role"]
        assert role in {"system", "developer", "user", "assistant", "tool"}, role
        assert not open_calls or role in {"tool"}, "calls without their results"
        content = message.get("content")
        parts: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        if role == "tool":
            open_calls.remove(message["tool_call_id"])
            assert all(part["type"] == "text" for part in parts), "a result is text"
            results.append("".join(part["text"] for part in parts))
        elif role == "assistant":
            assert parts or message.get("tool_calls"), "an empty turn"
            details: list[Json] = message.get("reasoning_details", [])
            told = "".join(detail.get("text", "") for detail in details)
            thoughts.append(message.get("reasoning_content") or message.get("reasoning") or told)
            proofs += [detail.get("signature") or detail.get("data") or "" for detail in details]
            for call in message.get("tool_calls") or []:
                open_calls.add(call["id"])
                calls.append(_call(call))
        else:
            texts += [part["text"] for part in parts if part["type"] == "text" and role == "user"]
            images += [_data(part["image_url"]["url"], "image/png") for part in parts if part["type"] == "image_url"]
            files += [_data(part["file"]["file_data"], "application/pdf") for part in parts if part["type"] == "file"]
            assert {part["type"] for part in parts} <= {"text", "image_url", "file"}, parts
    assert not open_calls, "calls without their results"
    tools = body.get("tools", [])
    form = body.get("response_format", {"type": "text"})
    assert form["type"] != "json_schema" or form["json_schema"]["name"], "a schema has a name"
    return Seen(
        body["model"],
        body.get("stream", False),
        text=texts[0],
        images=tuple(images),
        files=tuple(files),
        tools=tuple(tool["function"]["name"] for tool in tools if tool["type"] == "function"),
        freeform=tuple(tool["custom"]["name"] for tool in tools if tool["type"] == "custom"),
        schema=form["json_schema"]["schema"] if form["type"] == "json_schema" else None,
        stop=tuple([stop] if isinstance(stop := body.get("stop") or [], str) else stop),
        think=body.get("reasoning_effort") is not None,
        thoughts="".join(thoughts),
        proof="".join(proofs),
        calls=tuple(calls),
        results=tuple(results),
    )


def _call(call: Json) -> tuple[str, Json | str]:
    if call["type"] == "custom":
        return call["custom"]["name"], call["custom"]["input"]
    return call["function"]["name"], json.loads(call["function"]["arguments"])


def _data(url: str, media_type: str) -> str:
    head, _, data = url.partition(",")
    assert head == f"data:{media_type};base64", head
    return data


def write(answer: Answer, seen: Seen) -> Reply:
    """The reply of the service."""
    if known := ERRORS.get(answer.failure or ""):
        status, kind, code = known
        return failed(status, {"error": {"message": MESSAGE, "type": kind, "param": None, "code": code}}, answer)
    deltas = [delta for part in answer.parts for delta in _deltas(part, answer, seen)]
    reason = REASONS[answer.finish]
    usage = _usage(answer)
    if not seen.stream:
        message = _message(deltas)
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        return whole(answer, HEAD | {"object": "chat.completion", "choices": [choice], "usage": usage}, IN_BAND)
    head = HEAD | {"object": "chat.completion.chunk", "usage": None}
    chunks: list[Json] = [
        head | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}
        for delta in [{"role": "assistant", "content": "", "refusal": None}, *deltas]
    ]
    chunks.append(head | {"choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": reason}]})
    chunks.append(head | {"choices": [], "usage": usage})
    return streamed(answer, [*map(sse, chunks), b"data: [DONE]\n\n"], sse(IN_BAND))


def _deltas(part: Think | Say | Refuse | Call, answer: Answer, seen: Seen) -> list[Json]:
    match part:
        case Think(text=text, proof=proof):
            entry = {"type": "reasoning.text", "index": 0}  # as OpenRouter has it
            deltas: list[Json] = [
                {"reasoning": half, "reasoning_details": [entry | {"text": half}]} for half in halves(text)
            ]
            return [*deltas, {"reasoning_details": [entry | {"signature": proof}]}]
        case Say(text=text, source=source):
            cited = {
                "type": "url_citation",
                "url_citation": {"url": source, "title": "W", "start_index": 0, "end_index": 5},
            }
            return [*({"content": half} for half in halves(text)), *([{"annotations": [cited]}] if source else [])]
        case Refuse(text=text):
            return [{"refusal": half} for half in halves(text)]
        case Call():
            return _pieces(part, answer.calls.index(part), seen)


def _pieces(call: Call, index: int, seen: Seen) -> list[Json]:
    freeform = call.name in seen.freeform
    kind, field = ("custom", "input") if freeform else ("function", "arguments")
    text = call.input if freeform else json.dumps(call.arguments or {"input": call.input}, ensure_ascii=False)
    begun = {"index": index, "id": call.id, "type": kind, kind: {"name": call.name, field: ""}}
    more = [{"index": index, kind: {field: half}} for half in halves(text)]
    return [{"tool_calls": [entry]} for entry in (begun, *more)]


def _message(deltas: list[Json]) -> Json:
    message: Json = {"role": "assistant", "content": None, "refusal": None}
    calls: dict[int, Any] = {}
    for delta in deltas:
        for name, value in delta.items():
            if name == "tool_calls":
                for entry in value:
                    kind = "custom" if "custom" in entry else "function"
                    known = calls.setdefault(entry["index"], {name: v for name, v in entry.items() if name != "index"})
                    if known is not entry and known.get("id") != entry.get("id"):
                        field = "input" if kind == "custom" else "arguments"
                        known[kind][field] += entry[kind][field]
            elif name == "reasoning_details":
                (entry,) = value
                (known,) = message.setdefault(name, [entry | {"text": ""}])
                known["text"] += entry.get("text", "")
                known |= {"signature": entry.get("signature")}
            elif isinstance(value, str):
                message[name] = (message.get(name) or "") + value
            else:
                message[name] = value
    return message | ({"tool_calls": list(calls.values())} if calls else {})


def _usage(answer: Answer) -> Json:
    tokens = answer.usage
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


SERVICE = Service("/v1", read, write)
