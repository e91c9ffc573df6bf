"""Our answer to a caller: chunks as server-sent events, or one whole completion."""

from collections.abc import Sequence
from typing import Any, assert_never

import msgspec
from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols.base import Encoder, Env
from dragoman.protocols.openai_chat.content import encode_content
from dragoman.protocols.openai_chat.errors import stream_error
from dragoman.protocols.openai_chat.extra import NAME, with_extra
from dragoman.protocols.openai_chat.finish_reasons import encode_reason
from dragoman.protocols.openai_chat.functions import encode_call, wants_functions
from dragoman.protocols.openai_chat.more import placed
from dragoman.protocols.openai_chat.usage import encode_usage
from dragoman.types import (
    AnyPart,
    Audio,
    ChatRequest,
    ChatResponse,
    File,
    HostedCall,
    HostedResult,
    Image,
    Metadata,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    Refusal,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from dragoman.wire import sse

_json = msgspec.json.Encoder().encode

REASONING_FIELD = "reasoning_content"
"""OpenAI has no field for it; this is DeepSeek's, which most clients read."""


class AnswerEncoder(Encoder):
    """Chunks from events. What is the same in every chunk of a stream is encoded once."""

    headers = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-store"))
    heartbeat = sse.HEARTBEAT

    def __init__(self, request: ChatRequest, env: Env) -> None:
        self._request = request
        self._env = env
        self._before = b""
        """What stands before the delta, in every chunk of this stream."""
        self._after = b""
        """What stands after the delta."""
        self._open = b""
        """What stands before the text of a PartDelta, for the open part."""
        self._close = b""
        """What stands after that text."""
        self._calls = 0
        self._refused = False
        self._old = wants_functions(request)

    def send(self, events: Sequence[StreamEvent]) -> bytes:
        out: list[bytes] = []
        for event in events:
            match event:
                case PartDelta(text):
                    if text:
                        out += (self._open, _json(text), self._close)
                case PartStart(part):
                    self._part(part, out)
                case PartEnd() | Metadata():
                    continue
                case ResponseStart():
                    self._start(event, out)
                case ResponseEnd():
                    self._end(event, out)
                case _:
                    assert_never(event)
        return b"".join(out)

    def fail(self, error: DragomanError) -> bytes:
        return stream_error(error)

    def _start(self, start: ResponseStart, out: list[bytes]) -> None:
        head = _json(_head("chat.completion.chunk", start, self._request, self._env))
        more = _json(start.extra.get(NAME, {}))[1:-1]
        usage = b',"usage":null' if self._request.include_usage else b""
        self._before = b"data: " + head[:-1] + (b"," + more if more else b"") + b',"choices":['
        self._after = b"]" + usage + b"}\n\n"
        out.append(self._chunk({"role": "assistant", "content": ""}))

    def _part(self, part: AnyPart, out: list[bytes]) -> None:
        match part:
            case Text(text=text):
                self._shape(b'{"content":', b"}")
            case Reasoning(text=text):
                self._shape(b'{"' + REASONING_FIELD.encode() + b'":', b"}")
            case Refusal(text=text):
                self._refused = True
                self._shape(b'{"refusal":', b"}")
            case ToolCall(arguments=text):
                number = self._calls
                self._calls += 1
                if self._old:
                    self._function(part, out)
                    return
                first = {"index": number} | _call(replace(part, arguments=""))
                out.append(self._chunk({"tool_calls": [first]}))
                self._shape(b'{"tool_calls":[{"index":%d,"function":{"arguments":' % number, b"}}]}")
            case Unknown(protocol=protocol, data=data):
                if protocol == NAME:
                    out.append(self._chunk({"content": [data]}))
                return
            case Image() | Audio() | File() | ToolResult() | HostedCall() | HostedResult():
                return  # a chunk has no place for it; `losses` names it
            case _:
                assert_never(part)
        if text:
            out += (self._open, _json(text), self._close)

    def _function(self, call: ToolCall, out: list[bytes]) -> None:
        """A call in the form of `functions`."""
        out.append(self._chunk(encode_call([replace(call, arguments="")] * self._calls)))
        self._shape(b'{"function_call":{"arguments":', b"}}")
        if call.arguments:
            out += (self._open, _json(call.arguments), self._close)

    def _shape(self, before: bytes, after: bytes) -> None:
        """Sets what stands around the text of the part that begins."""
        self._open = self._before + b'{"index":0,"delta":' + before
        self._close = after + b',"logprobs":null,"finish_reason":null}' + self._after

    def _chunk(self, delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason} | more
        return self._before + _json(choice) + self._after

    def _end(self, end: ResponseEnd, out: list[bytes]) -> None:
        more = placed(end.extra.get(NAME, {}))
        reason = encode_reason(end.finish_reason, refusal=self._refused, functions=self._old)
        last = self._chunk(more.message, reason, **more.choice)
        out.append(last if not more.body else last[: -len(b"}\n\n")] + b"," + _json(more.body)[1:] + b"\n\n")
        if self._request.include_usage and end.usage is not None:
            out += (self._before, b'],"usage":', _json(encode_usage(end.usage)), b"}\n\n")
        out.append(b"data: [DONE]\n\n")


def encode_completion(response: ChatResponse, request: ChatRequest, env: Env) -> bytes:
    """A whole answer. What the service did not report, such as usage, is absent."""
    parts = response.parts
    texts = [part.text for part in parts if isinstance(part, Text)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    thoughts = [part.text for part in parts if isinstance(part, Reasoning)]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    old = wants_functions(request)
    more = placed(response.extra.get(NAME, {}))
    message: dict[str, Any] = {
        "role": "assistant",
        "content": _content(parts) if texts or not (refusals or calls) else None,
        "refusal": "".join(refusals) if refusals else None,
    }
    if thoughts:
        message[REASONING_FIELD] = "".join(thoughts)
    if calls:
        message |= encode_call(calls) if old else {"tool_calls": [_call(call) for call in calls]}
    reason = encode_reason(response.finish_reason, refusal=bool(refusals), functions=old)
    body = _head("chat.completion", response, request, env)
    choice = {"index": 0, "message": message | more.message, "logprobs": None, "finish_reason": reason}
    body["choices"] = [choice | more.choice]
    if response.usage is not None:
        body["usage"] = encode_usage(response.usage)
    return _json(body | more.body)


def _content(parts: Sequence[AnyPart]) -> str | list[Any]:
    """The text; or a list of typed parts, if the service sent parts that only its protocol knows."""
    texts = [part for part in parts if isinstance(part, Text)]
    if not any(isinstance(part, Unknown) and part.protocol == NAME for part in parts):
        return "".join(text.text for text in texts)
    return encode_content([part for part in parts if isinstance(part, Text | Unknown)])


def _head(kind: str, start: ResponseStart | ChatResponse, request: ChatRequest, env: Env) -> dict[str, Any]:
    return {
        "id": start.id or f"chatcmpl-{env.new_id()}",
        "object": kind,
        "created": int(env.now) if start.created is None else start.created,
        "model": start.model or request.model,
    }


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return with_extra({"id": call.id, "type": "function", "function": function}, call.extra)
