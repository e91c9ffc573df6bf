"""Our answer to a caller: replies as server-sent events or as a JSON array, or one whole reply.

A text goes out as it comes. Calls and other parts are complete on this wire, so they go out at their end; so does
opaque state, on an empty part if its text has gone out already.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, assert_never

import msgspec
from msgspec.structs import replace

from dragoman.errors import BadEventError, DragomanError, InvalidRequestError
from dragoman.protocols.env import Env
from dragoman.protocols.extra import merged
from dragoman.protocols.gemini.chunk import CANDIDATE
from dragoman.protocols.gemini.citations import CITATIONS, GROUNDING, Cited, encode_citations
from dragoman.protocols.gemini.errors import envelope
from dragoman.protocols.gemini.extra import NAME, noted
from dragoman.protocols.gemini.finish_reasons import NOT_SAID, encode_reason
from dragoman.protocols.gemini.logprobs import RESULT, encode_logprobs
from dragoman.protocols.gemini.parts import SIGNATURE, PartWriter
from dragoman.protocols.gemini.relay import HEARTBEAT
from dragoman.protocols.gemini.request import ARRAY
from dragoman.protocols.gemini.usage import encode_usage
from dragoman.protocols.media import media_type_of
from dragoman.protocols.opaque import wrapped_base64
from dragoman.protocols.streams.event_encoder import EventEncoder, framed
from dragoman.protocols.tools.cut_calls import CutCall, cut_call
from dragoman.types import (
    AnyPart,
    Audio,
    ChatRequest,
    ChatResponse,
    Citation,
    Extra,
    File,
    HostedCall,
    HostedResult,
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
    Unknown,
)
from dragoman.types.growing_text import GrowingText
from dragoman.wire.json import is_object
from dragoman.wire.lines import CR, LF

_json = msgspec.json.Encoder().encode

EVENT, END = b"data: ", b"\r\n\r\n"
FIRST, NEXT, LAST = b"[", b",\r\n", b"]"
"""What stands before the first reply of an array, before any other, and after the last."""

USAGE = "usageMetadata"
UNCOUNTED: dict[str, Any] = {USAGE: {}}
"""The usage of a reply that has none. The service has a usage in each reply, of a stream too, and BAML passes over a
reply without it, text and all (`BoundaryML/baml`, `google/types.rs`)."""

BLOCKED = "promptFeedback"
CITED = frozenset({f"{CANDIDATE}{GROUNDING}", f"{CANDIDATE}{CITATIONS}"})
"""Fields of a service with this protocol that say again what its citations say."""


def sign(state: OpaqueState) -> str:
    """Opaque state as callers of this protocol carry it: their SDK takes only base64."""
    return wrapped_base64(state, NAME)


class AnswerEncoder(EventEncoder):
    """Replies from events. What is the same around every text of a part is encoded once."""

    def __init__(self, request: ChatRequest, env: Env) -> None:
        self._model = request.model
        self._env = env
        self._array = noted(request.extra, ARRAY) is True
        kind = "application/json; charset=UTF-8" if self._array else "text/event-stream"
        self.headers = (("content-type", kind), ("cache-control", "no-store"))
        # A stream of events may have a blank line between two of them, an array anywhere outside of a text.
        self.heartbeat = HEARTBEAT
        self._writer = PartWriter(sign, names=True, foreign=True)
        self._sent = False
        self._common = b""
        """The fields that every reply of this stream ends with, and what stands between two replies."""
        self._after = b""
        """What stands after the candidates, in every reply but the last."""
        self._open = self._close = b""
        """What stands around the text of a PartDelta, for the open part; empty if it goes out at its end."""
        self._part: AnyPart | None = None
        self._pieces: list[str] = []
        self._cited: list[Cited] = []
        self._sources: list[Citation] = []
        """Sources of the open text: their ranges may lie in what of it has not come."""
        self._text = GrowingText()
        self._cut = CutCall()

    def _write_texts(self, texts: list[str], out: list[bytes]) -> None:
        if not self._open:
            self._pieces += texts
            return
        self._text.add("".join(texts))
        if self._array:
            out.append(self._head())
            out.append(framed(texts, self._open, self._close + NEXT)[: -len(NEXT)])
        else:
            out.append(framed(texts, self._open, self._close))

    def _write_event(self, event: StreamEvent, out: list[bytes]) -> None:
        match event:
            case PartDelta():
                self._delta(event, out)
            case PartStart(part):
                self._cut.follows()
                self._begin(part, out)
            case PartEnd():
                self._finish(event, out)
            case Metadata():
                if isinstance(self._part, Text):
                    self._sources += event.citations
            case ResponseStart():
                self._start(event)
            case ResponseEnd():
                self._cut.follows(event.finish_reason)
                self._end(event, out)
            case _:
                assert_never(event)

    def fail(self, error: DragomanError) -> bytes:
        if not self._array:
            return stream_error(error)
        return (NEXT if self._sent else FIRST) + _json(envelope(error)) + LAST

    def _head(self) -> bytes:
        """What stands before the next reply."""
        if not self._array:
            return EVENT
        head = NEXT if self._sent else FIRST
        self._sent = True
        return head

    def _start(self, start: ResponseStart) -> None:
        head = {"modelVersion": start.model or self._model, "responseId": start.id or self._env.new_id()}
        if (time := created(start.created, start.extra)) is not None:
            head["createTime"] = time
        self._common = b"," + _json(head)[1:] + (b"" if self._array else END)
        self._after = b"," + _json(UNCOUNTED)[1:-1] + self._common

    def _begin(self, part: AnyPart, out: list[bytes]) -> None:
        self._part, self._pieces, self._text = part, [], GrowingText()
        self._sources = list(part.citations) if isinstance(part, Text) else []
        self._open = self._close = b""
        match part:
            case Text(text=text) | Refusal(text=text):
                self._shape(b"}")
            case Reasoning(text=text):
                self._shape(b',"thought":true}')
            case ToolCall(arguments=text) | HostedCall(arguments=text):
                self._pieces.append(text)
                return
            case Image() | Audio() | File() | HostedResult() | Unknown() | ToolResult():
                return
            case _:
                assert_never(part)
        if text:
            self._write_texts([text], out)
        if isinstance(part, Text) and part.logprobs:
            self._delta(PartDelta("", part.logprobs), out)

    def _shape(self, after: bytes) -> None:
        """Sets what stands around the text of the part that begins."""
        self._open = (b"" if self._array else EVENT) + b'{"candidates":[{"content":{"parts":[{"text":'
        self._close = after + b'],"role":"model"},"index":0}]' + self._after

    def _delta(self, delta: PartDelta, out: list[bytes]) -> None:
        if not self._open:
            self._pieces.append(delta.text)
            return
        self._text.add(delta.text)
        spoken = delta.logprobs if isinstance(self._part, Text) else None  # the block is that of the answer's tokens
        more = {RESULT: encode_logprobs(spoken)} if spoken else {}
        if delta.text or more:
            thought = {"thought": True} if isinstance(self._part, Reasoning) else {}
            self._reply([{"text": delta.text} | thought], out, **more)

    def _finish(self, end: PartEnd, out: list[bytes]) -> None:
        part, self._part = self._part, None
        if part is None:
            return
        if self._sources:
            # A stream has no numbers of parts that hold for all of its replies.
            self._cited.append((0, str(self._text), tuple(self._sources)))
            self._sources = []
        state, extra = end.opaque or part.opaque, end.extra or {}
        if self._open:
            own = part.extra.get(NAME, {}) | extra.get(NAME, {})
            if state is not None or own:
                thought = {"thought": True} if isinstance(part, Reasoning) else {}
                signed = {} if state is None else {SIGNATURE: sign(state)}
                self._reply([{"text": ""} | thought | signed | own], out)
            return
        grown = "".join(self._pieces)
        if isinstance(part, ToolCall | HostedCall):
            part = replace(part, arguments=grown)
            if isinstance(part, ToolCall) and part.input_format == "json" and grown.strip() and not is_object(grown):
                self._cut.ends(part, grown)
                return
        elif isinstance(part, Audio) and grown:
            part = replace(part, data=(part.data or "") + grown)
        if state is not None:
            part = replace(part, opaque=state)
        body = written(self._writer, part)
        if body is not None:
            self._reply([body | extra.get(NAME, {})], out)

    def _reply(self, parts: list[dict[str, Any]], out: list[bytes], **more: Any) -> None:
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0} | more
        data = _json(candidate)
        if LF in data or CR in data:
            # A service's JSON, kept as it came: a line break in it stands between two values, and would end the event.
            data = data.replace(b"\n", b" ").replace(b"\r", b" ")
        out += (self._head(), b'{"candidates":[', data, b"]", self._after)

    def _end(self, end: ResponseEnd, out: list[bytes]) -> None:
        body = ending(end, end.extra, self._cited)
        # The vendor's chat keeps a turn only if each reply of it has a part.
        if (candidates := body.get("candidates")) is not None:
            candidates[0] = merged({"content": {"parts": [{"text": ""}], "role": "model"}}, candidates[0])
        out += (self._head(), _json(UNCOUNTED | body)[:-1], self._common)
        if self._array:
            out.append(LAST)


def encode_reply(response: ChatResponse, request: ChatRequest, env: Env) -> bytes:
    """A whole answer. What the service did not report is absent, except that callers read a usage without asking."""
    writer = PartWriter(sign, names=True, foreign=True)
    parts: list[dict[str, Any]] = []
    texts: list[Text] = []
    cited: list[Cited] = []
    cut = cut_call(response)
    for part in response.parts:
        if part is cut and isinstance(part, ToolCall):
            continue
        if (body_of := written(writer, part)) is not None:
            parts.append(body_of)
        if isinstance(part, Text):
            texts.append(part)
            cited.append((len(parts) - 1, part.text, part.citations))
    end = ResponseEnd(response.finish_reason, response.usage, response.native_finish_reason, detail=response.detail)
    body = ending(end, response.extra, cited)
    if (candidates := body.get("candidates")) is not None:
        logprobs = [each for text in texts for each in text.logprobs]
        said = {RESULT: encode_logprobs(logprobs)} if logprobs else {}
        candidates[0] = merged({"content": {"parts": parts, "role": "model"}} | said, candidates[0])
    head: dict[str, Any] = {
        "modelVersion": response.model or request.model,
        "responseId": response.id or env.new_id(),
    }
    if (time := created(response.created, response.extra)) is not None:
        head["createTime"] = time
    return _json(UNCOUNTED | body | head)


def ending(end: ResponseEnd, extra: Extra, cited: Sequence[Cited]) -> dict[str, Any]:
    """The last reply without its parts: the reason to stop, the usage, and what the service said beyond that."""
    own = extra.get(NAME, {})
    candidate: dict[str, Any] = {}
    body: dict[str, Any] = {}
    feedback = own.get(BLOCKED)
    why = feedback.get("blockReason") if isinstance(feedback, dict) else None
    blocked = isinstance(why, str) and why not in NOT_SAID
    if not blocked:
        candidate["finishReason"] = encode_reason(end.finish_reason, end.native_finish_reason)
        if end.detail is not None:
            candidate["finishMessage"] = end.detail
        if not CITED & own.keys() and (grounding := encode_citations(cited)):
            candidate[GROUNDING] = grounding
        candidate |= {name.removeprefix(CANDIDATE): value for name, value in own.items() if name.startswith(CANDIDATE)}
        body["candidates"] = [candidate | {"index": 0}]
    if end.usage is not None:
        body[USAGE] = encode_usage(end.usage)
    return body | {name: value for name, value in own.items() if not name.startswith(CANDIDATE)}


ANY_BYTES = "application/octet-stream"
"""The media type of data of which none is known: a service of another protocol need not say it."""


def written(writer: PartWriter, part: AnyPart) -> dict[str, Any] | None:
    """A part of an answer. Raises BadEventError for one that this protocol would misrepresent."""
    if isinstance(part, Image | Audio | File) and part.data and not (part.media_type or media_type_of(part.data)):
        part = replace(part, media_type=ANY_BYTES)
    try:
        return None if isinstance(part, ToolResult) else writer.write(part, "the answer")
    except InvalidRequestError as exc:
        raise BadEventError(exc.message) from exc


def created(seconds: int | None, extra: Extra) -> str | None:
    """The time of an answer as this protocol writes it: as it came, if the service has this protocol too."""
    came = noted(extra, "createTime")
    if isinstance(came, str):
        return came
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stream_error(error: DragomanError) -> bytes:
    """The last event of a stream that broke off."""
    return EVENT + _json(envelope(error)) + END
