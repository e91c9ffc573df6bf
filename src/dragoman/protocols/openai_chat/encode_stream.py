"""Our answer to a caller: chunks as server-sent events, or one whole completion."""

from collections.abc import Sequence
from typing import Any, assert_never

import msgspec
from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols.env import Env
from dragoman.protocols.openai_chat.answer_fields import (
    ANNOTATIONS,
    AUDIO,
    IMAGES,
    encode_audio,
    encode_citation,
    encode_citations,
    encode_image,
    encode_logprobs,
    joined_sound,
)
from dragoman.protocols.openai_chat.content import encode_content
from dragoman.protocols.openai_chat.errors import stream_error
from dragoman.protocols.openai_chat.extra import NAME
from dragoman.protocols.openai_chat.finish_reasons import encode_reason
from dragoman.protocols.openai_chat.functions import encode_function_call, wants_functions
from dragoman.protocols.openai_chat.messages import encode_call
from dragoman.protocols.openai_chat.more import placed
from dragoman.protocols.openai_chat.reasoning_details import FIELD as REASONING_DETAILS
from dragoman.protocols.openai_chat.reasoning_details import encode_detail, encode_details
from dragoman.protocols.openai_chat.usage import encode_usage
from dragoman.protocols.openai_shared.family import said_beside
from dragoman.protocols.streams.event_encoder import EventEncoder, framed
from dragoman.types import (
    AnyPart,
    Audio,
    ChatRequest,
    ChatResponse,
    Citation,
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
)
from dragoman.wire import sse

_json = msgspec.json.Encoder().encode

REASONING_FIELD = "reasoning_content"
"""OpenAI has no field for it; this is DeepSeek's, which most clients read."""


class AnswerEncoder(EventEncoder):
    """Chunks from events. What is the same in every chunk of a stream is encoded once."""

    headers = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-store"))
    heartbeat = sse.HEARTBEAT

    def __init__(self, request: ChatRequest, env: Env) -> None:
        self._model = request.model
        self._include_usage = request.include_usage
        self._env = env
        self._before = b""
        """What stands before the delta, in every chunk of this stream."""
        self._after = b""
        """What stands after the delta."""
        self._open = b""
        """What stands before the text of a PartDelta, for the open part; empty if a chunk has no place for it."""
        self._close = b""
        """What stands after that text."""
        self._calls = 0
        self._refused = False
        self._current: AnyPart | None = None
        """The open part."""
        self._collects = False
        """Whether the open part is reasoning, whose text may be needed at its end."""
        self._thoughts: list[str] = []
        self._length = 0
        """Characters of the open part."""
        self._offset = 0
        """Characters of the texts before it."""
        self._pending: list[Citation] = []
        """Sources of the open text."""
        self._citations: list[dict[str, Any]] = []
        """Sources of the whole text: they are sent once, because SDKs cannot join two lists."""
        self._details = 0
        """Entries of `reasoning_details` that have been sent."""
        self._old = wants_functions(request)

    def _write_texts(self, texts: list[str], out: list[bytes]) -> None:
        if self._open:
            out.append(framed(texts, self._open, self._close))
        self._length += sum(map(len, texts))
        if self._collects:
            self._thoughts += texts

    def _write_event(self, event: StreamEvent, out: list[bytes]) -> None:
        match event:
            case PartDelta(text, logprobs):
                if isinstance(self._current, Text):
                    self._with_logprobs(text, logprobs or (), out)
                    self._length += len(text)
                else:  # those of other parts would be taken for the text's
                    self._write_texts([text], out)
            case PartStart(part):
                self._part(part, out)
            case PartEnd():
                self._end_part(event, out)
            case Metadata():
                self._cite(event.citations)
                if event.transcript:
                    out.append(self._chunk({AUDIO: {"transcript": event.transcript}}))
            case ResponseStart():
                self._start(event, out)
            case ResponseEnd():
                self._end(event, out)
            case _:
                assert_never(event)

    def fail(self, error: DragomanError) -> bytes:
        return stream_error(error)

    def _start(self, start: ResponseStart, out: list[bytes]) -> None:
        head = _json(_head("chat.completion.chunk", start, self._model, self._env))
        more = _json(said_beside(NAME, start.extra))[1:-1]
        usage = b',"usage":null' if self._include_usage else b""
        self._before = b"data: " + head[:-1] + (b"," + more if more else b"") + b',"choices":['
        self._after = b"]" + usage + b"}\n\n"
        out.append(self._chunk({"role": "assistant", "content": ""}))

    def _part(self, part: AnyPart, out: list[bytes]) -> None:
        self._open = b""
        self._current, self._collects = part, isinstance(part, Reasoning)
        match part:
            case Text(text=text):
                self._length = len(text)
                self._pending = list(part.citations)
                self._shape(b'{"content":', b"}")
            case Reasoning(text=text):
                self._shape(b'{"' + REASONING_FIELD.encode() + b'":', b"}")
            case Refusal(text=text):
                self._length = len(text)
                self._shape(b'{"refusal":', b"}")
            case ToolCall(arguments=text):
                number = self._calls
                self._calls += 1
                if self._old:
                    self._function(part, out)
                    return
                first = {"index": number} | encode_call(replace(part, arguments=""))
                out.append(self._chunk({"tool_calls": [first]}))
                kind = b'"custom":{"input":' if part.input_format == "text" else b'"function":{"arguments":'
                self._shape(b'{"tool_calls":[{"index":%d,%b' % (number, kind), b"}}]}")
            case Unknown(protocol=protocol, data=data):
                if protocol == NAME:
                    out.append(self._chunk({"content": [data]}))
                return
            case Image():
                if (image := encode_image(part)) is not None:
                    out.append(self._chunk({IMAGES: [image]}))
                return
            case Audio():
                about = {**part.extra.get(NAME, {}), **({"transcript": part.transcript} if part.transcript else {})}
                if about:
                    out.append(self._chunk({AUDIO: about}))
                self._shape(b'{"audio":{"data":', b"}}")
                text = part.data or ""
            case File() | ToolResult() | HostedCall() | HostedResult():
                self._open = b""  # a chunk has no place for it; `losses` names it
                return
            case _:
                assert_never(part)
        if isinstance(part, Text) and part.logprobs:
            self._with_logprobs(text, part.logprobs, out)
        elif text:
            out += (self._open, _json(text), self._close)
        if self._collects:
            self._thoughts = [text]

    def _end_part(self, end: PartEnd, out: list[bytes]) -> None:
        part, self._current = self._current, None
        if isinstance(part, Text):
            self._citations += [
                encode_citation(citation, self._offset, self._length)
                for citation in self._pending
                if citation.kind == "url"
            ]
            self._pending = []
            self._offset += self._length
        elif isinstance(part, Refusal):
            self._refused = self._refused or self._length > 0
        state = end.opaque or (None if part is None else part.opaque)
        if part is None or state is None:
            return
        worded = replace(part, text="".join(self._thoughts)) if isinstance(part, Reasoning) else part
        if (entry := encode_detail(worded, state, self._details)) is not None:
            self._details += 1
            out.append(self._chunk({REASONING_DETAILS: [entry]}))

    def _cite(self, citations: Sequence[Citation]) -> None:
        if isinstance(self._current, Text):
            self._pending += citations

    def _with_logprobs(self, text: str, logprobs: Sequence[TokenLogprob], out: list[bytes]) -> None:
        said = _json({"content": encode_logprobs(logprobs), "refusal": None})
        out += (self._open, _json(text), self._close.replace(b'"logprobs":null', b'"logprobs":' + said, 1))

    def _function(self, call: ToolCall, out: list[bytes]) -> None:
        """A call in the form of `functions`."""
        out.append(self._chunk(encode_function_call([replace(call, arguments="")] * self._calls)))
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
        more = placed(said_beside(NAME, end.extra))
        reason = encode_reason(end.finish_reason, refusal=self._refused, functions=self._old)
        if self._citations:
            out.append(self._chunk({ANNOTATIONS: self._citations}))
        last = self._chunk(more.message, reason, **more.choice)
        out.append(last if not more.body else last[: -len(b"}\n\n")] + b"," + _json(more.body)[1:] + b"\n\n")
        if self._include_usage and end.usage is not None:
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
    more = placed(said_beside(NAME, response.extra))
    content, refusal = _content(parts), "".join(refusals)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": content if texts or content or not (refusals or calls) else None,
        "refusal": refusal if refusals else None,
    }
    if thoughts:
        message[REASONING_FIELD] = "".join(thoughts)
    if details := encode_details(parts):
        message[REASONING_DETAILS] = details
    if calls:
        message |= encode_function_call(calls) if old else {"tool_calls": [encode_call(call) for call in calls]}
    message |= _media(parts, env)
    reason = encode_reason(response.finish_reason, refusal=bool(refusal), functions=old)
    body = _head("chat.completion", response, request.model, env)
    logprobs = [entry for part in parts if isinstance(part, Text) for entry in part.logprobs]
    said = {"content": encode_logprobs(logprobs), "refusal": None} if logprobs else None
    choice = {"index": 0, "message": message | more.message, "logprobs": said, "finish_reason": reason}
    body["choices"] = [choice | more.choice]
    if response.usage is not None:
        body["usage"] = encode_usage(response.usage)
    # OpenRouter's client refuses a whole answer without it: OpenRouterTeam/python-sdk `components/chatresult.py`.
    body["system_fingerprint"] = None
    return _json(body | more.body)


def _media(parts: Sequence[AnyPart], env: Env) -> dict[str, Any]:
    """Fields of a message for its sources, pictures and sound."""
    found: dict[str, Any] = {}
    if citations := encode_citations([part for part in parts if isinstance(part, Text)]):
        found[ANNOTATIONS] = citations
    if images := [image for part in parts if isinstance(part, Image) and (image := encode_image(part)) is not None]:
        found[IMAGES] = images
    if sounds := [part for part in parts if isinstance(part, Audio)]:
        sound = joined_sound(sounds)
        found[AUDIO] = encode_audio(sound, sound.extra.get(NAME, {}), env.new_id(), env.now)
    return found


def _content(parts: Sequence[AnyPart]) -> str | list[Any]:
    """The text; or a list of typed parts, if the service sent parts that only its protocol knows."""
    texts = [part for part in parts if isinstance(part, Text)]
    if not any(isinstance(part, Unknown) and part.protocol == NAME for part in parts):
        return "".join(text.text for text in texts)
    return encode_content([part for part in parts if isinstance(part, Text | Unknown)])


def _head(kind: str, start: ResponseStart | ChatResponse, model: str, env: Env) -> dict[str, Any]:
    return {
        "id": start.id or f"chatcmpl-{env.new_id()}",
        "object": kind,
        "created": int(env.now) if start.created is None else start.created,
        "model": start.model or model,
    }
