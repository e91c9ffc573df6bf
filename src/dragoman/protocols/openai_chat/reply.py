"""A service's answer to events: server-sent chunks, or one whole completion."""

from enum import Enum
from typing import Any

import msgspec

from dragoman.errors import BadEventError, DragomanError, TruncatedStreamError, UpstreamError
from dragoman.protocols.codec import Decoder
from dragoman.protocols.openai_chat.calls import Calls, arguments
from dragoman.protocols.openai_chat.chunk import Call, Choice, Delta, Function, decode_chunk, decode_head, decode_usage
from dragoman.protocols.openai_chat.errors import failure_in, reported
from dragoman.protocols.openai_chat.name import NAME, kept
from dragoman.protocols.openai_chat.reasons import decode_reason
from dragoman.protocols.parts import Parts
from dragoman.types import PartStart, ResponseEnd, ResponseStart, StreamEvent, Unknown, Usage
from dragoman.wire import json
from dragoman.wire.sse import BOM, SseEvent, SseReader

MAX_ANSWER = 64 << 20
"""Bytes of one answer: 64 MiB, far above any model's longest."""

LATEST = 1 << 40
"""Seconds since 1970 beyond which a time of making is none: the year 36,812."""

DONE = b"[DONE]"
PING = b"ping"
BLANK = b" \t\r\n"


class Form(Enum):
    """What kind of body this is, told by its first byte."""

    STREAM = "stream"
    WHOLE = "whole"


FORMS: dict[bytes, Form] = {b"{": Form.WHOLE, b"[": Form.WHOLE}
"""Any other is a stream, but for `<`, which is a page."""


class ReplyDecoder(Decoder):
    """Events from the answer to one request."""

    def __init__(self) -> None:
        self._form: Form | None = None
        self._head = b""
        self._size = 0
        self._pieces: list[bytes] = []
        self._sse = SseReader()
        self._parts = Parts()
        self._calls = Calls()
        self._started = False
        self._refused = False
        self._finished = False
        self._reason: str | None = None
        self._usage: Usage | None = None

    @property
    def whole(self) -> bool:
        """Whether this is one completion, and no stream."""
        return self._form is Form.WHOLE

    def _read(self, data: bytes, out: list[StreamEvent]) -> None:
        if self.done:
            return
        self._size += len(data)
        if self._size > MAX_ANSWER:
            raise BadEventError(f"expected an answer of at most {MAX_ANSWER} bytes", code="upstream_too_large")
        data = self._told(data) if self._form is None else data
        if self._form is Form.WHOLE:
            self._pieces.append(data)
        if self._form is Form.STREAM:
            for event in self._sse.feed(data):
                self._event(event, out)

    def _end(self, out: list[StreamEvent]) -> None:
        if self.done:
            return
        if self._form is Form.WHOLE:
            self._whole(b"".join(self._pieces), out)
            return
        tail = self._sse.finish()
        if tail is not None and tail.data.strip():
            if not _is_complete(tail.data):
                raise TruncatedStreamError("the answer broke off inside an event")
            self._event(tail, out)
        if not self.done:
            if not self._finished:
                raise TruncatedStreamError("the answer broke off before its end")
            self._close(out)

    def _told(self, data: bytes) -> bytes:
        """What is to be read, once the first byte has told the form of the body."""
        self._head += data
        start = self._head.removeprefix(BOM).lstrip(BLANK)
        if not start or BOM.startswith(start):
            return b""
        if start.startswith(b"<"):
            raise BadEventError("expected an event stream, got an HTML page", code="upstream_html")
        self._form = FORMS.get(start[:1], Form.STREAM)
        return start if self._form is Form.WHOLE else self._head

    def _whole(self, body: bytes, out: list[StreamEvent]) -> None:
        if not body.rstrip().endswith((b"}", b"]")):
            raise TruncatedStreamError("the answer broke off before its end")
        if (failure := failure_in(json.decode_event(body))) is not None:
            raise reported(failure)
        self._chunk(body, out)
        if not self._started:
            raise BadEventError("expected a chat completion, got other JSON")
        self._close(out)

    def _event(self, event: SseEvent, out: list[StreamEvent]) -> None:
        if self.done:
            return
        data = event.data
        if event.event and event.event != b"message":
            self._named(event)
        if not data.startswith(b"{"):
            data = data.strip(BLANK)
        if data.startswith(b"{"):
            self._chunk(data, out)
        elif data == DONE:
            self._close(out)
        elif data and event.event != PING:
            raise _foreign(data)

    def _chunk(self, data: bytes, out: list[StreamEvent]) -> None:
        chunk = decode_chunk(data)
        if chunk.error:
            raise reported(chunk.error)
        if chunk.usage is not None:
            usage = decode_usage(chunk.usage)
            self._usage = usage if self._usage is None else self._usage.merge(usage)
        if chunk.choices:
            if not self._started:
                self._start(data, out)
            for choice in chunk.choices:
                if not choice.index and not self._finished:
                    self._choice(choice, out)
        elif chunk.usage is None and (failure := failure_in(json.decode_event(data))) is not None:
            raise reported(failure)

    def _choice(self, choice: Choice, out: list[StreamEvent]) -> None:
        delta = choice.delta or choice.message
        if delta is not None:
            self._delta(delta, out)
        if choice.finish_reason:
            if choice.finish_reason == "error":
                raise UpstreamError("the service gave `error` for its reason to stop, and no other")
            self._finished = True
            self._reason = choice.finish_reason

    def _delta(self, delta: Delta, out: list[StreamEvent]) -> None:
        parts = self._parts
        if thought := delta.reasoning_content or delta.reasoning:
            parts.reasoning(out, thought)
        if content := delta.content:
            if isinstance(content, str):
                parts.text(out, content)
            else:
                self._list(content, out)
        if delta.refusal:
            self._refused = True
            parts.refusal(out, delta.refusal)
        if delta.tool_calls:
            for call in delta.tool_calls:
                function = call.function or Function()
                parts.tool_call(out, self._calls.number(call), call.id or "", function.name or "", arguments(function))
        if (old := delta.function_call) is not None:
            parts.tool_call(out, self._calls.number(Call(function=old)), "", old.name or "", arguments(old))

    def _list(self, content: list[Any], out: list[StreamEvent]) -> None:
        """Content as typed parts, as Mistral gives it where the model thinks."""
        for part in content:
            match part:
                case {"type": "text", "text": str(text)}:
                    self._parts.text(out, text)
                case {"type": "thinking", "thinking": list(thoughts)}:
                    for thought in thoughts:
                        if isinstance(thought, dict) and isinstance(words := thought.get("text"), str):
                            self._parts.reasoning(out, words)
                case _:
                    self._parts.whole(out, PartStart(Unknown(protocol=NAME, data=part)))

    def _named(self, event: SseEvent) -> None:
        """Events that have a name of their own carry chunks too, but for errors."""
        if event.event == b"error":
            try:
                said = json.decode_event(event.data)
            except BadEventError:
                said = event.data.decode("utf-8", "replace")
            raise reported(failure_in(said) or said)

    def _start(self, data: bytes, out: list[StreamEvent]) -> None:
        self._started = True
        head = decode_head(data)
        more = {"system_fingerprint": head.system_fingerprint, "service_tier": head.service_tier}
        out.append(
            ResponseStart(
                id=head.id if isinstance(head.id, str) and head.id else None,
                model=head.model if isinstance(head.model, str) and head.model else None,
                created=int(head.created)
                if isinstance(head.created, int | float) and 0 < head.created < LATEST
                else None,
                extra=kept({name: value for name, value in more.items() if isinstance(value, str)}),
            )
        )

    def _close(self, out: list[StreamEvent]) -> None:
        """The end of a good answer."""
        if not self._started:
            self._started = True
            out.append(ResponseStart())
        self._parts.close(out)
        reason, native = decode_reason(self._reason, tool_call=self._parts.saw_tool_call, refusal=self._refused)
        out.append(ResponseEnd(reason, self._usage, native))
        self.done = True


def _foreign(data: bytes) -> DragomanError:
    """What an event means that is no object: Gemini puts its errors in a list."""
    failure = failure_in(json.decode_event(data))
    return (
        BadEventError("expected a chunk of a chat completion, got other JSON") if failure is None else reported(failure)
    )


def _is_complete(data: bytes) -> bool:
    """Whether an event that no blank line ended is all there."""
    try:
        msgspec.json.decode(data.decode("utf-8", "replace"))
    except (msgspec.MsgspecError, RecursionError):
        return data.strip(BLANK) == DONE
    return True
