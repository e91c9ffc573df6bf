"""Ollama's chat, as its servers speak it."""

import json

from tests.matrix.exchange import MESSAGE, Reply, Seen, Service, dumped, failed, halves, streamed, whole
from tests.matrix.scenes import Answer, Call, Json, Refuse, Say, Think
from tests.support.server import ReceivedRequest

REASONS = {"done": "stop", "tool": "stop", "length": "length", "stop_sequence": "stop"}
ERRORS = {"401": 401, "429": 429, "500": 500, "overloaded": 503}
IN_BAND: Json = {"error": MESSAGE}
ESCAPED = {ord(letter): f"\\u{ord(letter):04x}" for letter in "\u2028\u2029\u0085"}
"""Go escapes the first two; the last is what breaks the client for Python, whoever sends it."""
HEAD = {"model": "m", "created_at": "2026-11-25T12:00:00.123456789Z"}


def read(request: ReceivedRequest) -> Seen:
    """Raises AssertionError for what the service would refuse."""
    assert request.path == "/api/chat", request.path
    assert request.headers["authorization"] == "Bearer key-of-service"
    body = json.loads(request.body)
    texts, images, results, pictures, thoughts = [], [], [], [], []
    calls: list[tuple[str, Json | str]] = []
    open_calls: list[str] = []
    for message in body["messages"]:
        assert message.get("content") is None or isinstance(message["content"], str), "content is one text"
        match message["role"]:
            case "user":
                texts.append(message["content"])
                images += message.get("images", [])
            case "tool":
                results.append(message["content"])
                pictures += message.get("images", [])
                open_calls.remove(message.get("tool_name") or open_calls[0])
            case "assistant":
                thoughts.append(message.get("thinking", ""))
                for call in message.get("tool_calls", []):
                    assert isinstance(call["function"]["arguments"], dict), "arguments are an object"
                    open_calls.append(call["function"]["name"])
                    calls.append((call["function"]["name"], call["function"]["arguments"]))
            case role:
                assert role == "system", role
    assert not open_calls, "calls without their results"
    form = body.get("format")
    stop = body.get("options", {}).get("stop", [])
    return Seen(
        body["model"],
        body.get("stream", True),
        text=texts[0],
        images=tuple(images),
        tools=tuple(tool["function"]["name"] for tool in body.get("tools", [])),
        schema=form if isinstance(form, dict) else None,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        think=body.get("think") not in {None, False},
        thoughts="".join(thoughts),
        calls=tuple(calls),
        results=tuple(results),
        result_images=tuple(pictures),
    )


def write(answer: Answer, seen: Seen) -> Reply:
    """The reply of the service."""
    if status := ERRORS.get(answer.failure or ""):
        return failed(status, {"error": MESSAGE}, answer)
    messages = [piece for part in answer.parts for piece in _pieces(part, answer)]
    times = {"total_duration": 5, "load_duration": 1, "prompt_eval_duration": 1, "eval_duration": 2}
    counts = {"prompt_eval_count": answer.usage.input, "eval_count": answer.usage.output}
    end = {"done": True, "done_reason": REASONS[answer.finish]} | times | counts
    if not seen.stream:
        joined: Json = {"role": "assistant", "content": ""}
        for message in messages:
            for name, value in message.items():
                joined[name] = joined.get(name, type(value)()) + value
        return whole(answer, HEAD | {"message": joined} | end, IN_BAND)
    lines = [HEAD | {"message": {"role": "assistant", "content": ""} | message, "done": False} for message in messages]
    lines.append(HEAD | {"message": {"role": "assistant", "content": ""}} | end)
    reply = streamed(answer, [_line(line) for line in lines], _line(IN_BAND))
    return Reply(reply.pieces, headers={"content-type": "application/x-ndjson"}, failure=reply.failure)


def _line(line: Json) -> bytes:
    return f"{dumped(line)}\n".translate(ESCAPED).encode()


def _pieces(part: Think | Say | Refuse | Call, answer: Answer) -> list[Json]:
    match part:
        case Think(text=text):
            return [{"thinking": half} for half in halves(text)]
        case Say(text=text) | Refuse(text=text):
            return [{"content": half} for half in halves(text)]
        case Call(id=id_, name=name):
            arguments = part.arguments or {"input": part.input}
            function = {"index": answer.calls.index(part), "name": name, "arguments": arguments}
            return [{"tool_calls": [{"id": id_, "function": function}]}]


SERVICE = Service("", read, write)
