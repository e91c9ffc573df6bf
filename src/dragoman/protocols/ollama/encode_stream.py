"""Our answer to a caller: lines of JSON, or one whole object, for `/api/chat` and for `/api/generate`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, assert_never

import msgspec
from msgspec import Raw

from dragoman.errors import DragomanError
from dragoman.protocols.env import Env
from dragoman.protocols.ollama.arguments import object_of
from dragoman.protocols.ollama.decode_stream import encode_logprob
from dragoman.protocols.ollama.errors import stream_error
from dragoman.protocols.ollama.extra import GENERATE, NAME, with_extra
from dragoman.protocols.ollama.finish_reasons import encode_reason
from dragoman.protocols.ollama.line_ends import HEARTBEAT, escaped
from dragoman.protocols.ollama.lines import SECOND
from dragoman.protocols.streams.event_encoder import EventEncoder, framed
from dragoman.protocols.tools.cut_calls import CutCall, cut_call, no_object
from dragoman.protocols.tools.freeform import wrapped_input
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
    TokenLogprob,
    ToolCall,
    ToolResult,
    Unknown,
    Usage,
)

_json = msgspec.json.Encoder().encode


UNKEPT = (0, "0", "0s")
"""Values of `keep_alive` that unload a model."""


class AnswerEncoder(EventEncoder):
    """Lines from events. What is the same in every line of a stream is encoded once."""

    headers = (("content-type", "application/x-ndjson"), ("cache-control", "no-store"))
    heartbeat = HEARTBEAT

    def __init__(self, request: ChatRequest, env: Env) -> None:
        self._model = request.model
        self._env = env
        self._generate = GENERATE in request.extra
        self._head: dict[str, Any] = {}
        self._before = b""
        """How every line of this stream begins."""
        self._open = b""
        """What stands before the text of a PartDelta, for the open part; empty if the part is left out."""
        self._close = b""
        """What stands after that text."""
        self._call: ToolCall | None = None
        """The open call: it goes out when it is complete."""
        self._pieces: list[str] = []
        self._calls = 0
        self._cut = CutCall()

    def send(self, events: Sequence[StreamEvent]) -> bytes:
        return escaped(super().send(events))

    def _write_texts(self, texts: list[str], out: list[bytes]) -> None:
        if self._call is not None:
            self._pieces += texts
        elif self._open:
            out.append(framed(texts, self._open, self._close))

    def _write_event(self, event: StreamEvent, out: list[bytes]) -> None:
        match event:
            case PartDelta(text, logprobs):
                if self._call is not None:
                    self._pieces.append(text)
                elif self._open:
                    out += (self._open, _json(text), self._closing(logprobs))
            case PartStart(part):
                self._cut.follows()
                self._part(part, out)
            case PartEnd():
                if self._call is not None:
                    self._called(self._call, out)
            case Metadata():
                pass
            case ResponseStart():
                self._start(event)
            case ResponseEnd():
                self._cut.follows(event.finish_reason)
                self._end(event, out)
            case _:
                assert_never(event)

    def fail(self, error: DragomanError) -> bytes:
        return stream_error(error)

    def _start(self, start: ResponseStart) -> None:
        self._head = head_of(start, self._model, self._env)
        self._before = _json(self._head)[:-1] + b","

    def _part(self, part: AnyPart, out: list[bytes]) -> None:
        self._open = b""
        logprobs = part.logprobs if isinstance(part, Text) else ()
        match part:
            case Text(text=text) | Refusal(text=text):
                self._shape("content")
            case Reasoning(text=text):
                self._shape("thinking")
            case ToolCall(arguments=text):
                self._call, self._pieces = part, [text]
                return
            case Image() | Audio() | File() | ToolResult() | HostedCall() | HostedResult() | Unknown():
                # A line has no place for it; `losses` names it. A picture would have `images` of the message, but the
                # vendor's client for Python takes no answer with it: ValidationError (ollama 0.6.3, seen 2026-11-29).
                return
            case _:
                assert_never(part)
        if text or logprobs:
            out += (self._open, _json(text), self._closing(logprobs))

    def _shape(self, name: str) -> None:
        """Sets what stands around the text of the part that begins."""
        if self._generate:
            field = b'"response":' if name == "content" else b'"response":"","thinking":'
            self._open, self._close = self._before + field, b',"done":false}\n'
        else:
            field = b'"content":' if name == "content" else b'"content":"","thinking":'
            self._open = self._before + b'"message":{"role":"assistant",' + field
            self._close = b'},"done":false}\n'

    def _closing(self, logprobs: Sequence[TokenLogprob] | None) -> bytes:
        if not logprobs:
            return self._close
        said = _json([encode_logprob(each) for each in logprobs])
        return self._close.replace(b',"done":false', b',"done":false,"logprobs":' + said)

    def _called(self, call: ToolCall, out: list[bytes]) -> None:
        self._call, arguments = None, "".join(self._pieces)
        body = encode_answered(call, arguments, self._calls)
        if body is None:
            self._cut.ends(call, arguments)
            return
        self._calls += 1
        if not self._generate:
            message = {"role": "assistant", "content": "", "tool_calls": [body]}
            out.append(_json(self._head | {"message": message, "done": False}) + b"\n")

    def _end(self, end: ResponseEnd, out: list[bytes]) -> None:
        said = {"response": ""} if self._generate else {"message": {"role": "assistant", "content": ""}}
        out.append(_json(with_extra(self._head | said | ending(end, self._env), end.extra, "message")) + b"\n")


def encode_whole(response: ChatResponse, request: ChatRequest, env: Env) -> bytes:
    """A whole answer. What the service did not report, such as usage, is absent."""
    parts = response.parts
    text = "".join(part.text for part in parts if isinstance(part, Text | Refusal))
    thought = "".join(part.text for part in parts if isinstance(part, Reasoning))
    cut = cut_call(response)
    calls = [part for part in parts if isinstance(part, ToolCall) and part is not cut]
    logprobs = [each for part in parts if isinstance(part, Text) for each in part.logprobs]
    body = head_of(response, request.model, env)
    if GENERATE in request.extra:
        body["response"] = text
        said = body
    else:
        said = body["message"] = {"role": "assistant", "content": text}
    if thought:
        said["thinking"] = thought
    if calls and said is not body:
        said["tool_calls"] = [_answered(call, i) for i, call in enumerate(calls)]
    if logprobs:
        body["logprobs"] = [encode_logprob(each) for each in logprobs]
    # The text, thoughts and calls of the answer stay if the service also sent a field of that name in an odd form.
    own = {name: value for name, value in response.extra.get(NAME, {}).items() if not said.get(name.rpartition(".")[2])}
    return escaped(_json(with_extra(body | ending(response, env), {**response.extra, NAME: own}, "message")))


def encode_loaded(request: ChatRequest, env: Env) -> bytes:
    """The answer to a request without messages, which only asks to load the model, or not to keep it."""
    said = {"response": ""} if GENERATE in request.extra else {"message": {"role": "assistant", "content": ""}}
    kept = request.extra.get(NAME, {}).get("keep_alive")
    reason = "unload" if kept in UNKEPT else "load"
    return _json(head_of(ResponseStart(), request.model, env) | said | {"done": True, "done_reason": reason}) + b"\n"


def head_of(start: ResponseStart | ChatResponse, model: str, env: Env) -> dict[str, Any]:
    """How every line begins."""
    created = env.now if start.created is None else start.created
    remote = start.extra.get(NAME, {}) if isinstance(start, ResponseStart) else {}
    return {"model": start.model or model, "created_at": spelt(created), **remote}


def ending(end: ResponseEnd | ChatResponse, env: Env) -> dict[str, Any]:
    """What the last line has beside the message: why it ended, and what it cost.

    Of the times only the whole one is known. Programs compute with it, because no answer of Ollama's lacks it.
    """
    return {
        "done": True,
        "done_reason": encode_reason(end.finish_reason, end.native_finish_reason),
        **({} if env.asked_at is None else {"total_duration": round(max(0.0, env.by_now() - env.asked_at) * SECOND)}),
        **counts(end.usage),
    }


def counts(usage: Usage | None) -> dict[str, int]:
    """The tokens that were reported."""
    if usage is None:
        return {}
    said = {"prompt_eval_count": usage.input_tokens, "eval_count": usage.output_tokens}
    return {name: count for name, count in said.items() if count is not None}


def _answered(call: ToolCall, number: int) -> dict[str, Any]:
    body = encode_answered(call, call.arguments, number)
    if body is None:
        raise no_object(call)
    return body


def encode_answered(call: ToolCall, arguments: str, number: int) -> dict[str, Any] | None:
    """A call in an answer; None if its arguments are not an object: nobody could read them."""
    found = object_of(wrapped_input(arguments) if call.input_format == "text" else arguments)
    if found is None:
        return None
    function: dict[str, int | str | Raw] = {"index": number, "name": call.name, "arguments": found}
    return with_extra({"id": call.id, "function": function}, call.extra, "function")


def spelt(seconds: float) -> str:
    """A time by RFC 3339. Raises nothing: a time that no calendar has becomes its beginning."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (ValueError, OverflowError, OSError):
        return "1970-01-01T00:00:00Z"
