"""Anthropic's Messages, as its services speak it."""

import json

from tests.matrix.exchange import MESSAGE, Reply, Seen, Service, dumped, failed, halves, sse, streamed, whole
from tests.matrix.scenes import STOP, Answer, Call, Json, Refuse, Say, Think
from tests.support.server import ReceivedRequest

REASONS = {
    "done": "end_turn",
    "tool": "tool_use",
    "length": "max_tokens",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
}
ERRORS = {
    "401": (401, "authentication_error"),
    "429": (429, "rate_limit_error"),
    "500": (500, "api_error"),
    "overloaded": (529, "overloaded_error"),
}
IN_BAND: Json = {"type": "error", "error": {"type": "api_error", "message": MESSAGE}, "request_id": "req_1"}


def read(request: ReceivedRequest) -> Seen:
    """Raises AssertionError for what the service would refuse."""
    assert request.path.partition("?")[0] == "/v1/messages", request.path
    assert request.headers["x-api-key"] == "key-of-service"
    assert request.headers["anthropic-version"] in {"2023-06-01", "2026-10-21"}
    body = json.loads(request.body)
    assert isinstance(body["max_tokens"], int), "max_tokens is required"
    texts, images, files, results, pictures, papers, thoughts, proofs = [], [], [], [], [], [], [], []
    calls: list[tuple[str, Json | str]] = []
    open_calls: set[str] = set()
    cached = _is_marked(body)
    for message in body["messages"]:
        assert message["role"] in {"user", "assistant"}, message["role"]
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        assert blocks, "an empty turn"
        answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        assert answered == open_calls, "results belong right after their calls"
        open_calls = set()
        for block in blocks:
            cached |= _is_marked(block)
            match block["type"]:
                case "text":
                    assert block["text"].strip(), "text blocks are not empty"
                    if message["role"] == "user":
                        texts.append(block["text"])
                case "image":
                    images.append(_data(block, "image/png"))
                case "document":
                    files.append(_data(block, "application/pdf"))
                case "thinking":
                    thoughts.append(block["thinking"])
                    proofs.append(block["signature"])
                case "tool_use":
                    open_calls.add(block["id"])
                    assert isinstance(block["input"], dict)
                    calls.append((block["name"], block["input"]))
                case "tool_result":
                    inner = block["content"]
                    inner = [{"type": "text", "text": inner}] if isinstance(inner, str) else inner
                    results.append("".join(part["text"] for part in inner if part["type"] == "text"))
                    pictures += [_data(part, "image/png") for part in inner if part["type"] == "image"]
                    papers += [_data(part, "application/pdf") for part in inner if part["type"] == "document"]
                case kind:
                    raise AssertionError(f"no block of requests: {kind}")
    assert not open_calls, "calls without their results"
    thinking = body.get("thinking", {"type": "disabled"})
    assert thinking["type"] in {"enabled", "adaptive", "disabled"}, thinking
    config = body.get("output_config", {})
    assert config.keys() <= {"effort", "format"}, config
    form = config.get("format")
    assert form is None or form.keys() == {"type", "schema"}, form
    tools = body.get("tools", [])
    own = [tool for tool in tools if tool.get("type", "custom") == "custom"]
    assert all(tool["input_schema"]["type"] == "object" for tool in own)
    return Seen(
        body["model"],
        body.get("stream", False),
        text=texts[0],
        images=tuple(images),
        files=tuple(files),
        tools=tuple(tool["name"] for tool in own),
        schema=form["schema"] if form else None,
        stop=tuple(body.get("stop_sequences", ())),
        think=thinking["type"] != "disabled" or "effort" in config,
        thoughts="".join(thoughts),
        proof="".join(proofs),
        calls=tuple(calls),
        results=tuple(results),
        result_images=tuple(pictures),
        result_files=tuple(papers),
        cache=cached,
    )


def _is_marked(thing: Json) -> bool:
    mark = thing.get("cache_control")
    assert mark is None or mark["type"] == "ephemeral", mark
    return mark is not None


def _data(block: Json, media_type: str) -> str:
    source = block["source"]
    assert (source["type"], source["media_type"]) == ("base64", media_type), source
    return str(source["data"])


def write(answer: Answer, seen: Seen) -> Reply:
    """The reply of the service."""
    if known := ERRORS.get(answer.failure or ""):
        status, kind = known
        return failed(
            status, {"type": "error", "error": {"type": kind, "message": MESSAGE}, "request_id": "req_1"}, answer
        )
    blocks = [_block(part) for part in answer.parts]
    end = {
        "stop_reason": REASONS[answer.finish],
        "stop_sequence": STOP if answer.finish == "stop_sequence" else None,
    }
    usage = _usage(answer)
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
    if not seen.stream:
        return whole(
            answer, head | {"content": [_joined(*block) for block in blocks]} | end | {"usage": usage}, IN_BAND
        )
    message: Json = head | {
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage | {"output_tokens": 1},
    }
    events: list[Json] = [{"type": "message_start", "message": message}]
    for index, (block, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        if index == 0:
            events.append({"type": "ping"})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": end, "usage": usage})
    events.append({"type": "message_stop"})
    return streamed(answer, [sse(event, event["type"]) for event in events], sse(IN_BAND, "error"))


def _block(part: Think | Say | Refuse | Call) -> tuple[Json, list[Json]]:
    match part:
        case Think(text=text, proof=proof):
            deltas = [{"type": "thinking_delta", "thinking": half} for half in halves(text)]
            signed = {"type": "signature_delta", "signature": proof}
            return {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]
        case Say(text=text, source=source):
            deltas = [{"type": "text_delta", "text": half} for half in halves(text)]
            if not source:
                return {"type": "text", "text": ""}, deltas
            cited = {
                "type": "web_search_result_location",
                "url": source,
                "title": "W",
                "cited_text": "It is",
                "encrypted_index": "x",
            }
            return {"type": "text", "text": "", "citations": []}, [
                {"type": "citations_delta", "citation": cited},
                *deltas,
            ]
        case Refuse(text=text):
            return {"type": "text", "text": ""}, [{"type": "text_delta", "text": half} for half in halves(text)]
        case Call():
            given = dumped(part.arguments or {"input": part.input})
            deltas = [{"type": "input_json_delta", "partial_json": half} for half in ("", *halves(given))]
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}, deltas


def _joined(block: Json, deltas: list[Json]) -> Json:
    block = dict(block)
    text = ""
    for delta in deltas:
        match delta["type"]:
            case "citations_delta":
                block["citations"] = [*block["citations"], delta["citation"]]
            case "input_json_delta":
                text += delta["partial_json"]
            case kind:
                name = kind.removesuffix("_delta")
                block[name] += delta[name]
    return block | ({"input": json.loads(text)} if text else {})


def _usage(answer: Answer) -> Json:
    tokens = answer.usage
    return {
        "input_tokens": tokens.input - tokens.cached,
        "output_tokens": tokens.output,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": tokens.cached,
        "output_tokens_details": {"thinking_tokens": tokens.reasoning},
    }


SERVICE = Service("", read, write)
