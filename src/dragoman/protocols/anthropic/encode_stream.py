"""Our answer to a caller: events of a stream, or one whole message."""

from typing import Any, assert_never

import msgspec
from msgspec.structs import replace

from dragoman.errors import DragomanError
from dragoman.protocols.anthropic.citations import encode_citation
from dragoman.protocols.anthropic.errors import stream_error
from dragoman.protocols.anthropic.extra import NAME, with_extra
from dragoman.protocols.anthropic.hosted import show_call
from dragoman.protocols.anthropic.inputs import FIELD, object_of
from dragoman.protocols.anthropic.states import LAST, NEXT, beside, to_caller
from dragoman.protocols.anthropic.stop_reasons import COMPACTED, encode_reason
from dragoman.protocols.anthropic.usage import encode_usage
from dragoman.protocols.anthropic.worded import compaction_block
from dragoman.protocols.anthropic.write_blocks import encode_part, thinking_block
from dragoman.protocols.compaction import summary_in
from dragoman.protocols.env import Env
from dragoman.protocols.opaque import STATELESS
from dragoman.protocols.streams.event_encoder import EventEncoder, framed
from dragoman.protocols.tools.cut_calls import CutCall, cut_call, no_object
from dragoman.protocols.tools.freeform import wrapped_input
from dragoman.types import (
    AnyPart,
    ChatRequest,
    ChatResponse,
    Citation,
    File,
    FinishReason,
    HostedCall,
    Image,
    Metadata,
    OpaqueState,
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
)
from dragoman.wire.partial_json import complete_part

_json = msgspec.json.Encoder().encode

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
END = b"}}\n\n"

DELTAS: dict[type[AnyPart], tuple[str, str]] = {
    Text: ("text_delta", "text"),
    Refusal: ("text_delta", "text"),
    Reasoning: ("thinking_delta", "thinking"),
    ToolCall: ("input_json_delta", "partial_json"),
    HostedCall: ("input_json_delta", "partial_json"),
}
"""A part to the type of its deltas, and their field."""

DETAILED: frozenset[FinishReason] = frozenset({"content_filter", "refusal"})
"""Reasons that have details: those of a refusal."""

OF_DELTA = frozenset({"container", "stop_details"})
"""Fields of the end that stand beside the reason to stop."""


class AnswerEncoder(EventEncoder):
    """Events of this protocol. What stands around the text of a part is made once, when the part begins."""

    headers = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-store"))
    heartbeat = PING

    def __init__(self, request: ChatRequest, env: Env) -> None:
        self._model = request.model
        self._env = env
        self._index = 0
        """The number of the next block."""
        self._part: AnyPart | None = None
        """The open part; None if this protocol cannot say it, or says it only at its end."""
        self._before = b""
        """What stands before the text of a delta of the open part."""
        self._pieces: list[str] | None = None
        """Arguments so far, of an open call: they must be an object in the end."""
        self._begun = False
        """Whether an argument of the open call has gone out."""
        self._redacted: Reasoning | None = None
        """Reasoning without words, whose state is still to come."""
        self._cut = CutCall()
        self._compacted = False
        """Whether the answer is a summary of the conversation."""

    def _write_texts(self, texts: list[str], out: list[bytes]) -> None:
        if self._part is None:
            return
        if self._pieces is not None:
            self._pieces += texts
            if self._before == b"":
                return  # a freeform call, which is written at its end
            if not self._begun:
                # The vendor's program fails at white space before an input.
                text = "".join(texts).lstrip()
                if not text:
                    return
                self._begun, texts = True, [text]
        out.append(framed(texts, self._before, END))

    def _write_event(self, event: StreamEvent, out: list[bytes]) -> None:
        match event:
            case PartDelta(text):
                if text:
                    self._write_texts([text], out)
            case PartStart(part):
                self._cut.follows()
                self._begin(part, out)
            case PartEnd():
                self._end_part(event, out)
            case Metadata():
                self._metadata(event, out)
            case ResponseStart():
                self._start(event, out)
            case ResponseEnd():
                self._cut.follows(event.finish_reason)
                self._end(event, out)
            case _:
                assert_never(event)

    def fail(self, error: DragomanError) -> bytes:
        return stream_error(error)

    def _start(self, start: ResponseStart, out: list[bytes]) -> None:
        body = _head(start, self._model, self._env) | {
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": encode_usage(start.usage),
        }
        out.append(_event("message_start", {"message": with_extra(body, start.extra)}))

    def _begin(self, part: AnyPart, out: list[bytes]) -> None:
        self._part = self._redacted = self._pieces = None
        self._compacted = self._compacted or summary_in(part) is not None
        if isinstance(part, Reasoning) and part.form == "redacted" and not part.text and part.opaque is None:
            self._redacted = part
            return
        delta = DELTAS.get(type(part))
        body = _answer_block(part) if delta is None else _opening(part)
        if body is not None and part.opaque is not None and not isinstance(part, Reasoning):
            self._whole(_beside(part.opaque, NEXT), out)
        if delta is None:
            if body is not None:
                self._whole(body, out)
            return
        if isinstance(part, Reasoning) and part.opaque is not None:
            self._whole(_answer_block(part) or {}, out)
            return
        if body is None:
            return
        self._part = part
        out.append(_event("content_block_start", {"index": self._index, "content_block": body}))
        kind, field = delta
        self._before = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
            % (
                self._index,
                kind.encode(),
                field.encode(),
            )
        )
        if isinstance(part, ToolCall | HostedCall):
            self._pieces, self._begun = [], False
            if isinstance(part, ToolCall) and part.input_format == "text":
                self._before = b""
            first = part.arguments
        else:
            first = part.text  # type: ignore[union-attr]  # by the table of deltas
        if isinstance(part, Text):
            for citation in part.citations:
                self._cite(citation, out)
        if first:
            self._write_texts([first], out)

    def _end_part(self, end: PartEnd, out: list[bytes]) -> None:
        part, self._part = self._part, None
        if self._redacted is not None:
            state = end.opaque
            if state is not None:
                self._whole(_answer_block(replace(self._redacted, opaque=state)) or {}, out)
            return
        if part is None:
            return
        if isinstance(part, ToolCall | HostedCall):
            self._check(part, out)
        if isinstance(part, Reasoning):
            signature = STATELESS if end.opaque is None else to_caller(end.opaque)
            out.append(self._delta({"type": "signature_delta", "signature": signature}))
        self._close(out)
        if end.opaque is not None and not isinstance(part, Reasoning):
            self._whole(_beside(end.opaque, LAST), out)

    def _check(self, part: ToolCall | HostedCall, out: list[bytes]) -> None:
        arguments = "".join(self._pieces or ())
        if isinstance(part, ToolCall) and part.input_format == "text":
            out.append(self._delta({"type": "input_json_delta", "partial_json": wrapped_input(arguments)}))
        elif object_of(arguments) is None:
            self._cut.ends(part, arguments)

    def _metadata(self, said: Metadata, out: list[bytes]) -> None:
        if isinstance(self._part, Text):
            for citation in said.citations:
                self._cite(citation, out)

    def _cite(self, citation: Citation, out: list[bytes]) -> None:
        out.append(self._delta({"type": "citations_delta", "citation": encode_citation(citation)}))

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", {"index": self._index, "delta": delta})

    def _whole(self, body: dict[str, Any], out: list[bytes]) -> None:
        """A block that comes complete."""
        if body.get("type") == "thinking":
            # Callers collect thinking and its signature from deltas alone.
            empty = body | {"thinking": "", "signature": ""}
            out.append(_event("content_block_start", {"index": self._index, "content_block": empty}))
            if body["thinking"]:
                out.append(self._delta({"type": "thinking_delta", "thinking": body["thinking"]}))
            out.append(self._delta({"type": "signature_delta", "signature": body["signature"]}))
        else:
            out.append(_event("content_block_start", {"index": self._index, "content_block": body}))
        self._close(out)

    def _close(self, out: list[bytes]) -> None:
        out.append(_event("content_block_stop", {"index": self._index}))
        self._index += 1

    def _end(self, end: ResponseEnd, out: list[bytes]) -> None:
        more = end.extra.get(NAME, {})
        delta = _stop(end, compacted=self._compacted) | {
            name: value for name, value in more.items() if name in OF_DELTA - {"stop_details"}
        }
        rest = {name: value for name, value in more.items() if name not in OF_DELTA}
        out += (_event("message_delta", {"delta": delta, "usage": encode_usage(end.usage)} | rest), STOP)


def encode_message(response: ChatResponse, request: ChatRequest, env: Env) -> bytes:
    """A whole answer. Raises BadEventError if the arguments of a call are no object.

    Of a call in whose midst the answer was cut, what is complete is there, as the vendor's program makes of a stream.
    """
    content: list[dict[str, Any]] = []
    cut = cut_call(response)
    for each in response.parts:
        part = each
        if part is cut:
            part = replace(cut, arguments=complete_part(cut.arguments))
        if isinstance(part, ToolCall | HostedCall) and part.arguments and object_of(_arguments(part)) is None:
            raise no_object(part)
        if (body := _answer_block(part)) is None:
            continue  # and so is its state, which would be taken for the next part's
        if part.opaque is not None and not isinstance(part, Reasoning):
            content.append(_beside(part.opaque, NEXT))
        content.append(body)
    compacted = any(summary_in(part) is not None for part in response.parts)
    rest = {name: value for name, value in response.extra.get(NAME, {}).items() if name != "stop_details"}
    body = _head(response, request.model, env) | {"content": content} | _stop(response, compacted=compacted)
    return _json(body | {"usage": encode_usage(response.usage)} | rest)


def _arguments(part: ToolCall | HostedCall) -> str:
    text = isinstance(part, ToolCall) and part.input_format == "text"
    return wrapped_input(part.arguments) if text else part.arguments


def _head(start: ResponseStart | ChatResponse, model: str, env: Env) -> dict[str, Any]:
    return {
        "id": start.id or f"msg_{env.new_id()}",
        "type": "message",
        "role": "assistant",
        "model": start.model or model,
    }


def _stop(end: ResponseEnd | ChatResponse, *, compacted: bool) -> dict[str, Any]:
    """Why the model stopped. `stop_details` is there only for a reason that has some. `compacted`: the answer is a
    summary of the conversation."""
    said = encode_reason(end.finish_reason, end.native_finish_reason, end.stop_sequence)
    reason = COMPACTED if compacted else said
    body: dict[str, Any] = {"stop_reason": reason, "stop_sequence": end.stop_sequence}
    details = end.extra.get(NAME, {}).get("stop_details")
    if details is not None or (end.detail is not None and end.finish_reason in DETAILED):
        known = details if isinstance(details, dict) else {"category": None}
        body["stop_details"] = {"type": "refusal"} | known | {"explanation": end.detail}
    return body


def _answer_block(part: AnyPart) -> dict[str, Any] | None:
    """The block of a part; None if no answer of this protocol has such a part."""
    if isinstance(part, Image | File | ToolResult):
        return None
    if (summary := summary_in(part)) is not None:
        return compaction_block(summary)
    return encode_part(part, _thinking, lambda citations: [encode_citation(each) for each in citations], show_call)


def _thinking(part: Reasoning) -> dict[str, Any] | None:
    state = part.opaque
    if state is None:
        return {"type": "thinking", "thinking": part.text, "signature": STATELESS} if part.text else None
    if state.protocol != NAME and part.form == "redacted" and not part.text:
        return {"type": "redacted_thinking", "data": to_caller(state)}
    return thinking_block(part.text, state, to_caller(state))


def _opening(part: AnyPart) -> dict[str, Any] | None:
    """The block as it begins, without its text."""
    match part:
        case Text():
            body: dict[str, Any] = {"type": "text", "text": ""}
        case Refusal():
            body = {"type": "text", "text": ""}
        case Reasoning():
            body = {"type": "thinking", "thinking": "", "signature": ""}
        case ToolCall():
            body = {"type": "tool_use", "id": part.id, "name": part.name, FIELD: {}}
        case HostedCall():
            return show_call(replace(part, arguments=""))
        case _:
            return None
    return with_extra(body, part.extra)


def _beside(state: OpaqueState, where: str) -> dict[str, Any]:
    return {"type": "redacted_thinking", "data": beside(state, where)}


def _event(name: str, fields: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _json({"type": name} | fields))
