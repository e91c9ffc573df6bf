"""Each dialect spoken by hand, as its callers and its services do: shares nothing with the code under test.

A dialect that is added gets a row in VOICES: then all pairs with it are tested.
"""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256

from msgspec import Struct

from tests.cases.reading import understood
from tests.support.gateway import Got
from tests.support.server import ReceivedRequest

TEXT, CALL, USAGE, REASON = "text", "tool_call", "usage", "finish_reason"
"""What an answer can say."""

MARK = b"Internal server error"
"""By which two of the chat sites say that an answer broke off."""

TIME = 1_795_230_435


class Answer(Struct, frozen=True):
    """What a service says, or a caller understands. `call`: name and arguments; `usage`: tokens in and out."""

    text: str = ""
    call: tuple[str, str] | None = None
    finish_reason: str = "stop"
    usage: tuple[int, int] | None = None


class Asked(Struct, frozen=True):
    """A caller's request, without its path."""

    headers: Mapping[str, str]
    body: bytes


class Voice(Struct, frozen=True):
    """A dialect, at both ends."""

    path: str
    """Where the gateway answers its callers."""
    says: frozenset[str]
    """What its answers can say."""
    ask: Callable[[str, bool], Asked]
    """A caller's question: its text, and whether a stream is wanted."""
    question: Callable[[ReceivedRequest], str]
    """The text of the question that a service was asked."""
    reply: Callable[[Answer, bool], tuple[str, list[bytes]]]
    """A service's answer: its media type and the pieces of its body; the flag: as a stream."""
    read: Callable[[Got, bool], Answer]
    """What a caller understands."""
    base: str = ""
    """What a provider's `url` has after the host."""
    whole: bool = False
    """Whether a caller can ask for a whole answer."""
    tools: bool = False
    """Whether a question can offer tools; the one of `ask` then does."""
    limited: bool = False
    """Whether a question must limit the length of its answer."""
    streamed: str = ""
    """Where the gateway answers callers who want a stream, if that is another path. In a path, `{model}` is a name."""
    streams: Callable[[ReceivedRequest], bool] = lambda seen: json.loads(seen.body).get("stream") is True
    """Whether a service was asked for a stream, if a caller can ask for a whole answer."""

    def address(self, model: str, *, stream: bool) -> str:
        """Where a caller asks `model`."""
        return (self.streamed if stream and self.streamed else self.path).replace("{model}", model)


def _chat_ask(text: str, stream: bool) -> Asked:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    body = {"model": "up/m", "messages": [{"role": "user", "content": text}], "tools": [tool], "stream": stream}
    options = {"stream_options": {"include_usage": True}} if stream else {}
    return Asked({"content-type": "application/json"}, json.dumps(body | options).encode())


def _chat_question(seen: ReceivedRequest) -> str:
    return str(json.loads(seen.body)["messages"][-1]["content"])


def _chat_reply(answer: Answer, stream: bool) -> tuple[str, list[bytes]]:
    reason = "tool_calls" if answer.finish_reason == "tool_call" else answer.finish_reason
    said: dict[str, object] = {"role": "assistant"}
    if answer.text:
        said["content"] = answer.text
    if answer.call:
        name, arguments = answer.call
        call = {"index": 0, "id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
        said["tool_calls"] = [call]
    head = {"id": "x", "created": TIME, "model": "m"}
    usage: dict[str, object] = {}
    if answer.usage:
        sent, got = answer.usage
        usage["usage"] = {"prompt_tokens": sent, "completion_tokens": got, "total_tokens": sent + got}
    if not stream:
        whole = head | {
            "object": "chat.completion",
            "choices": [{"index": 0, "message": said, "finish_reason": reason}],
        }
        return "application/json", [json.dumps(whole | usage).encode()]
    head |= {"object": "chat.completion.chunk"}
    chunks = [
        head | {"choices": [{"index": 0, "delta": said, "finish_reason": None}]},
        head | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
        head | {"choices": []} | usage,
    ]
    return "text/event-stream", [*(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks), b"data: [DONE]\n\n"]


def _chat_read(got: Got, stream: bool) -> Answer:
    told = understood(got.status, got.headers, got.body, clean=got.clean, stream=stream)
    assert told.marked, "no end mark"
    return Answer(
        told.text,
        (told.calls[0]["name"], told.calls[0]["arguments"]) if told.calls else None,
        told.finish_reason or "",
        (told.usage["input_tokens"], told.usage["output_tokens"]) if told.usage else None,
    )


def _anthropic_ask(text: str, stream: bool) -> Asked:
    tool = {"name": "weather", "input_schema": {"type": "object", "properties": {}}}
    messages = [{"role": "user", "content": text}]
    body = {"model": "up/m", "max_tokens": 100, "messages": messages, "tools": [tool], "stream": stream}
    return Asked({"content-type": "application/json"}, json.dumps(body).encode())


def _anthropic_question(seen: ReceivedRequest) -> str:
    return str(json.loads(seen.body)["messages"][-1]["content"])


STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_call": "tool_use"}


def _anthropic_reply(answer: Answer, stream: bool) -> tuple[str, list[bytes]]:
    sent, got = answer.usage or (0, 0)
    usage = {"input_tokens": sent, "output_tokens": got}
    blocks: list[dict[str, object]] = []
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    if answer.call:
        name, arguments = answer.call
        blocks.append({"type": "tool_use", "id": "c1", "name": name, "input": json.loads(arguments)})
    end = {"stop_reason": STOPS[answer.finish_reason], "stop_sequence": None}
    message: dict[str, object] = {"id": "x", "type": "message", "role": "assistant", "model": "m"}
    if not stream:
        return "application/json", [json.dumps(message | end | {"content": blocks, "usage": usage}).encode()]
    start = message | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage | {"output_tokens": 1}}
    events: list[dict[str, object]] = [{"type": "message_start", "message": start}]
    for i, block in enumerate(blocks):
        if block["type"] == "text":
            empty: dict[str, object] = block | {"text": ""}
            deltas = [{"type": "text_delta", "text": half} for half in _halves(answer.text)]
        else:
            empty = block | {"input": {}}
            deltas = [
                {"type": "input_json_delta", "partial_json": half} for half in _halves((answer.call or ("", ""))[1])
            ]
        events.append({"type": "content_block_start", "index": i, "content_block": empty})
        events += [{"type": "content_block_delta", "index": i, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": i})
    events += [{"type": "message_delta", "delta": end, "usage": usage}, {"type": "message_stop"}]
    return "text/event-stream", [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events]


def _anthropic_read(got: Got, stream: bool) -> Answer:
    if not stream:
        message = json.loads(got.body)
        text = "".join(block["text"] for block in message["content"] if block["type"] == "text")
        calls = [block for block in message["content"] if block["type"] == "tool_use"]
        call = (calls[0]["name"], json.dumps(calls[0]["input"], ensure_ascii=False)) if calls else None
    else:
        lines = [line for line in got.body.split(b"\n") if line.startswith(b"data: ")]
        events = [json.loads(line.removeprefix(b"data: ")) for line in lines]
        assert events[-1] == {"type": "message_stop"}, "no end mark"
        deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
        text = "".join(delta.get("text", "") for delta in deltas)
        arguments = "".join(delta.get("partial_json", "") for delta in deltas)
        names = [event["content_block"]["name"] for event in events if "name" in event.get("content_block", {})]
        call = (names[0], arguments) if names else None
        (end,) = [event for event in events if event["type"] == "message_delta"]
        message = end["delta"] | {"usage": end["usage"]}
    (reason,) = [ours for ours, theirs in STOPS.items() if theirs == message["stop_reason"]]
    usage = message["usage"]["input_tokens"], message["usage"]["output_tokens"]
    # The protocol has no word for a count that is not known.
    return Answer(text, call, reason, usage if any(usage) else None)


def _ollama_ask(text: str, stream: bool) -> Asked:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    body = {"model": "up/m", "messages": [{"role": "user", "content": text}], "tools": [tool], "stream": stream}
    return Asked({}, json.dumps(body).encode())


def _ollama_question(seen: ReceivedRequest) -> str:
    return str(json.loads(seen.body)["messages"][-1]["content"])


def _ollama_reply(answer: Answer, stream: bool) -> tuple[str, list[bytes]]:
    head = {"model": "m", "created_at": "2026-11-21T10:27:15.397Z"}
    said: dict[str, object] = {"role": "assistant", "content": answer.text}
    if answer.call:
        name, arguments = answer.call
        said["tool_calls"] = [{"function": {"name": name, "arguments": json.loads(arguments)}}]
    reason = "stop" if answer.finish_reason == "tool_call" else answer.finish_reason
    last: dict[str, object] = {"done": True, "done_reason": reason}
    if answer.usage:
        last["prompt_eval_count"], last["eval_count"] = answer.usage
    if not stream:
        return "application/json; charset=utf-8", [
            json.dumps(head | {"message": said} | last, ensure_ascii=False).encode()
        ]
    empty = {"message": {"role": "assistant", "content": ""}}
    lines = [head | {"message": said, "done": False}, head | empty | last]
    return "application/x-ndjson", [f"{json.dumps(line, ensure_ascii=False)}\n".encode() for line in lines]


def _ollama_read(got: Got, stream: bool) -> Answer:
    lines = [json.loads(line) for line in got.text.split("\n") if line or not stream]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    calls = [call["function"] for line in lines for call in line["message"].get("tool_calls", ())]
    last = lines[-1]
    return Answer(
        "".join(line["message"]["content"] for line in lines),
        (calls[0]["name"], json.dumps(calls[0]["arguments"], ensure_ascii=False)) if calls else None,
        "tool_call" if calls else last["done_reason"],
        (last["prompt_eval_count"], last["eval_count"]) if "eval_count" in last else None,
    )


def _responses_ask(text: str, stream: bool) -> Asked:
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}, "strict": False}
    body = {"model": "up/m", "input": [{"role": "user", "content": text}], "tools": [tool], "stream": stream}
    return Asked({"content-type": "application/json"}, json.dumps(body).encode())


def _responses_question(seen: ReceivedRequest) -> str:
    return str(json.loads(seen.body)["input"][-1]["content"])


def _responses_reply(answer: Answer, stream: bool) -> tuple[str, list[bytes]]:
    output: list[dict[str, object]] = []
    if answer.text:
        part = {"type": "output_text", "text": answer.text, "annotations": []}
        output.append({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]})
    if answer.call:
        name, arguments = answer.call
        call: dict[str, object] = {"type": "function_call", "id": "fc_1", "call_id": "c1", "status": "completed"}
        output.append(call | {"name": name, "arguments": arguments})
    head = {"id": "resp_1", "object": "response", "created_at": TIME, "model": "m", "error": None}
    details = {"reason": "max_output_tokens"} if answer.finish_reason == "length" else None
    whole = head | {"status": "incomplete" if details else "completed", "incomplete_details": details, "output": output}
    if answer.usage:
        sent, got = answer.usage
        whole |= {"usage": {"input_tokens": sent, "output_tokens": got, "total_tokens": sent + got}}
    if not stream:
        return "application/json", [json.dumps(whole).encode()]
    events: list[dict[str, object]] = [
        {"type": "response.created", "response": head | {"status": "in_progress", "output": []}}
    ]
    for i, item in enumerate(output):
        begun = {name: "" if name == "arguments" else [] if name == "content" else said for name, said in item.items()}
        events.append({"type": "response.output_item.added", "output_index": i, "item": begun})
        if answer.text and not i:
            piece = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
            events += [{"type": "response.output_text.delta", "delta": half} | piece for half in _halves(answer.text)]
        events.append({"type": "response.output_item.done", "output_index": i, "item": item})
    events.append({"type": f"response.{whole['status']}", "response": whole})
    numbered = [event | {"sequence_number": i} for i, event in enumerate(events)]
    return "text/event-stream", [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in numbered]


def _responses_read(got: Got, stream: bool) -> Answer:
    if stream:
        last = json.loads(got.text.rstrip().rpartition("\ndata: ")[2])
        assert last["type"] in {"response.completed", "response.incomplete"}, "no end"
        body = last["response"]
    else:
        body = json.loads(got.body)
    text = "".join(part["text"] for item in body["output"] if item["type"] == "message" for part in item["content"])
    calls = [(item["name"], item["arguments"]) for item in body["output"] if item["type"] == "function_call"]
    reasons = {"max_output_tokens": "length"}
    reason = reasons[body["incomplete_details"]["reason"]] if body["incomplete_details"] else "stop"
    usage = body.get("usage")
    return Answer(
        text,
        calls[0] if calls else None,
        "tool_call" if calls else reason,
        (usage["input_tokens"], usage["output_tokens"]) if usage else None,
    )


def _aibn_ask(text: str, stream: bool) -> Asked:
    body = {"messages": [{"role": "user", "content": text}], "time": TIME, "pass": None, "sign": _sign(text)}
    return Asked({"content-type": "application/json"}, json.dumps(body).encode())


def _aibn_question(seen: ReceivedRequest) -> str:
    return str(json.loads(seen.body)["messages"][-1]["content"])


def _aichatfree_ask(text: str, stream: bool) -> Asked:
    message = {"role": "user", "parts": [{"text": text}]}
    body = {"messages": [message], "time": TIME, "pass": None, "sign": _sign(text)}
    return Asked({"content-type": "text/plain"}, json.dumps(body).encode())


def _aichatfree_question(seen: ReceivedRequest) -> str:
    return str(json.loads(seen.body)["messages"][-1]["parts"][0]["text"])


def _aichatonline_ask(text: str, stream: bool) -> Asked:
    body = json.dumps({"conversationId": "c1", "prompt": text}).encode()
    return Asked({"UniqueId": "tok-1"}, body)


def _aichatonline_question(seen: ReceivedRequest) -> str:
    assert seen.headers["uniqueid"] == "tok-1"
    return str(json.loads(seen.body)["prompt"])


def _aichatonline_reply(answer: Answer, stream: bool) -> tuple[str, list[bytes]]:
    lines = [{"data": {"message": text}} for text in _halves(answer.text)]
    return "application/x-ndjson", [f"{json.dumps(line)}\n".encode() for line in lines]


def _aichatonline_read(got: Got, stream: bool) -> Answer:
    lines = [json.loads(line) for line in got.body.splitlines() if line]
    return Answer("".join(line["data"]["message"] for line in lines))


def _cromicle_ask(text: str, stream: bool) -> Asked:
    body = {"message": text, "token": "abc", "hash": sha256(f"abc{text}".encode()).hexdigest()}
    return Asked({"content-type": "application/json"}, json.dumps(body).encode())


def _cromicle_question(seen: ReceivedRequest) -> str:
    return str(json.loads(seen.body)["message"])


def _text_reply(answer: Answer, stream: bool) -> tuple[str, list[bytes]]:
    return "text/plain", [half.encode() for half in _halves(answer.text)]


def _text_read(got: Got, stream: bool) -> Answer:
    assert got.chunks[-1] != MARK
    return Answer(got.text)


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def _gemini_ask(text: str, stream: bool) -> Asked:
    declared = {"name": "weather", "parameters": {"type": "OBJECT", "properties": {}}}
    body = {
        "contents": [{"role": "user", "parts": [{"text": text}]}],
        "tools": [{"functionDeclarations": [declared]}],
    }
    return Asked({"content-type": "application/json"}, json.dumps(body).encode())


def _gemini_question(seen: ReceivedRequest) -> str:
    return str(json.loads(seen.body)["contents"][-1]["parts"][0]["text"])


def _gemini_reply(answer: Answer, stream: bool) -> tuple[str, list[bytes]]:
    reason = {"length": "MAX_TOKENS", "tool_call": "STOP"}.get(answer.finish_reason, "STOP")
    parts: list[dict[str, object]] = [{"text": answer.text}] if answer.text else []
    if answer.call:
        name, arguments = answer.call
        parts.append({"functionCall": {"name": name, "args": json.loads(arguments)}})
    head: dict[str, object] = {"modelVersion": "m", "responseId": "x"}
    if answer.usage:
        sent, got = answer.usage
        counts = {"promptTokenCount": sent, "candidatesTokenCount": got, "totalTokenCount": sent + got}
        head["usageMetadata"] = counts
    said = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if not stream:
        return "application/json", [_utf8({"candidates": [said | {"finishReason": reason}]} | head)]
    last = {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": reason, "index": 0}
    chunks = [{"candidates": [each]} | head for each in (said, last)]
    return "text/event-stream", [b"data: %b\r\n\r\n" % _utf8(chunk) for chunk in chunks]


def _utf8(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _gemini_read(got: Got, stream: bool) -> Answer:
    lines = [line for line in got.text.split("\r\n") if line] if stream else [f"data: {got.text}"]
    assert all(line.startswith("data: ") for line in lines), "a line that the vendor's SDK cannot read"
    replies = [json.loads(line.removeprefix("data: ")) for line in lines]
    candidates = [reply["candidates"][0] for reply in replies]
    parts = [part for candidate in candidates for part in candidate["content"]["parts"]]
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    counts = replies[-1].get("usageMetadata")
    reason = {"STOP": "stop", "MAX_TOKENS": "length"}[candidates[-1]["finishReason"]]
    return Answer(
        "".join(part.get("text", "") for part in parts),
        (calls[0]["name"], json.dumps(calls[0]["args"], ensure_ascii=False)) if calls else None,
        "tool_call" if calls else reason,
        (counts["promptTokenCount"], counts["candidatesTokenCount"]) if counts else None,
    )


def _sign(text: str) -> str:
    return sha256(f"{TIME}:{text}:".encode()).hexdigest()


ALL, WORDS = frozenset({TEXT, CALL, USAGE, REASON}), frozenset({TEXT})

VOICES: Mapping[str, Voice] = {
    "openai-chat": Voice(
        path="/v1/chat/completions",
        says=ALL,
        ask=_chat_ask,
        question=_chat_question,
        reply=_chat_reply,
        read=_chat_read,
        base="/v1",
        whole=True,
        tools=True,
    ),
    "anthropic": Voice(
        path="/v1/messages",
        says=ALL,
        ask=_anthropic_ask,
        question=_anthropic_question,
        reply=_anthropic_reply,
        read=_anthropic_read,
        whole=True,
        tools=True,
        limited=True,
    ),
    "gemini": Voice(
        path="/v1beta/models/{model}:generateContent",
        streamed="/v1beta/models/{model}:streamGenerateContent?alt=sse",
        says=ALL,
        ask=_gemini_ask,
        question=_gemini_question,
        reply=_gemini_reply,
        read=_gemini_read,
        streams=lambda seen: ":stream" in seen.path,
        whole=True,
        tools=True,
    ),
    "ollama": Voice(
        path="/api/chat",
        says=ALL,
        ask=_ollama_ask,
        question=_ollama_question,
        reply=_ollama_reply,
        read=_ollama_read,
        whole=True,
        tools=True,
    ),
    "openai-responses": Voice(
        path="/v1/responses",
        says=ALL,
        ask=_responses_ask,
        question=_responses_question,
        reply=_responses_reply,
        read=_responses_read,
        base="/v1",
        whole=True,
        tools=True,
    ),
    "aibn": Voice(
        path="/aibn/api/generate",
        says=WORDS,
        ask=_aibn_ask,
        question=_aibn_question,
        reply=_text_reply,
        read=_text_read,
    ),
    "aichatfree": Voice(
        path="/aichatfree/api/generate",
        says=WORDS,
        ask=_aichatfree_ask,
        question=_aichatfree_question,
        reply=_text_reply,
        read=_text_read,
    ),
    "aichatonline": Voice(
        path="/aichatonline/aichatonline/api/chat/gpt",
        says=WORDS,
        ask=_aichatonline_ask,
        question=_aichatonline_question,
        reply=_aichatonline_reply,
        read=_aichatonline_read,
    ),
    "cromicle": Voice(
        path="/cromicle/chat",
        says=WORDS,
        ask=_cromicle_ask,
        question=_cromicle_question,
        reply=_text_reply,
        read=_text_read,
    ),
}
