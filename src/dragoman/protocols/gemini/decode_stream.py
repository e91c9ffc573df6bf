"""A service's answer to events: server-sent chunks, a JSON array of them, or one whole reply."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from dragoman.error_words import cut
from dragoman.errors import BadEventError, InvalidRequestError, TruncatedStreamError
from dragoman.protocols.errors.head import a_page
from dragoman.protocols.errors.nameless import nameless_call
from dragoman.protocols.gemini.call_ids import CallIds
from dragoman.protocols.gemini.chunk import CANDIDATE, CHUNK, decode_text_chunk, further
from dragoman.protocols.gemini.chunk_form import form_of
from dragoman.protocols.gemini.errors import failure_in, reported
from dragoman.protocols.gemini.extra import NAME, note, to_extra
from dragoman.protocols.gemini.finish_reasons import NOT_SAID, decode_reason
from dragoman.protocols.gemini.latest_report import LatestReport
from dragoman.protocols.gemini.logprobs import RESULT, decode_logprobs
from dragoman.protocols.gemini.logprobs import further as further_logprobs
from dragoman.protocols.gemini.logprobs import joined as joined_logprobs
from dragoman.protocols.gemini.odd_parts import odd_parts
from dragoman.protocols.gemini.open_text import TEXT, THOUGHT, OpenText
from dragoman.protocols.gemini.partial_args import PartialCall
from dragoman.protocols.gemini.parts import SIGNATURE, decode_part
from dragoman.protocols.gemini.raw_json import Texts, reply_texts, text_of
from dragoman.protocols.gemini.usage import decode_usage
from dragoman.protocols.opaque import is_marked
from dragoman.protocols.streams.delta_row import deltas
from dragoman.protocols.streams.joined_events import DONE
from dragoman.protocols.streams.lane import TextRows
from dragoman.protocols.streams.silent_events import SIGNS_OF_LIFE, is_silent
from dragoman.protocols.streams.sse_decoder import SseDecoder
from dragoman.protocols.tools.freeform import unwrapped_input
from dragoman.types import (
    AnyPart,
    HostedCall,
    LostChoice,
    OpaqueState,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
)
from dragoman.types.usage import merged
from dragoman.wire import json
from dragoman.wire.json_array import JsonArrayReader
from dragoman.wire.sse import SseEvent
from dragoman.wire.utf8 import BLANKS

STRANGE = "expected a reply of generateContent, got other JSON"
NOTHING: tuple[Any, ...] = ({}, {"text": ""})
"""Parts that say nothing, which services send in the last chunk."""

LATEST = 1 << 40
"""Seconds since 1970 (the year 36,812): a larger time is none."""


class ReplyDecoder(SseDecoder):
    """Events from the answer to one request.

    The body ends the answer, if a reason to stop or the reason for a refusal has come.

    `turn`: the number of the answer's message in the conversation. `origin`: see `opaque`. `freeform`: the names of
    freeform tools.
    """

    def __init__(self, turn: int = 0, origin: str | None = None, freeform: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._ids = CallIds(open_ended=True)
        self._ids.turn(turn)
        self._origin = origin
        self._freeform = freeform
        self._array: JsonArrayReader | None = None
        self._plain = False
        """The last event was one piece of a text."""
        self._started = self._begun = self._called = False
        """The answer has begun; a part has that is no text; a call has."""
        self._partial: PartialCall | None = None
        self._reason = ""
        self._blocked = False
        self._detail: str | None = None
        self._usage: Usage | None = None
        self._report = LatestReport()
        """The latest report of tokens that is not read yet."""
        self._more: dict[str, Any] = {}
        self._text = OpenText(self._more)
        self._others: dict[str, None] = {}

    # The form of the body.

    @property
    def usage(self) -> Usage | None:
        with suppress(BadEventError):
            self.count_latest()
        return self._usage

    @property
    def is_array(self) -> bool:
        """Whether the body is a stream as a JSON array."""
        return self._array is not None

    def _formed(self, data: bytes) -> bytes:
        data = super()._formed(data)
        if data.startswith(b"["):
            self._array = JsonArrayReader()
        return data

    def _read(self, data: bytes, out: list[StreamEvent]) -> None:
        super()._read(data, out)
        if self._array is not None and self._pieces:
            pieces, self._pieces = self._pieces, []
            for item in self._array.feed(b"".join(pieces)):
                self._chunk(item, out)

    def _take_whole(self, out: list[StreamEvent]) -> None:
        if self._array is None:
            super()._take_whole(out)
        elif not self._array.complete or not self._finished:
            raise self._skipped or TruncatedStreamError("the answer broke off before its end")
        else:
            self._close(out)

    def _whole(self, body: bytes, out: list[StreamEvent]) -> None:
        self._chunk(body, out)
        if not self._started:
            raise self._skipped or BadEventError(STRANGE)
        self._close(out)

    def _is_plain(self) -> bool:
        return self._plain

    def _rows_like(self, event: bytes) -> TextRows | None:
        return form_of(event)

    def _row(self, words: list[str], row: bytes, out: list[StreamEvent]) -> None:
        self._text.said(words)
        out += deltas(words, in_row=self.in_rows)
        self._report.keep_of(row)

    def _event(self, event: SseEvent, out: list[StreamEvent]) -> None:
        data = event.data.strip(BLANKS)
        if self.done or data == DONE or event.event in SIGNS_OF_LIFE or is_silent(event):
            return
        if event.stray and data.startswith(b"<"):
            raise a_page("an event")
        if event.stray and not data.startswith((b"{", b"[")):
            self._skip(BadEventError(f"expected an event, got {cut(data.decode('utf-8', 'replace'))!r}"))
        else:
            self._chunk(data, out)

    # One reply, or a chunk of it.

    def _chunk(self, data: bytes, out: list[StreamEvent]) -> None:
        self._plain = False
        if self._started and self._partial is None:
            try:
                chunk = decode_text_chunk(data)
            except json.NOT_STRICT:
                pass
            else:
                candidates = chunk.candidates
                if len(candidates) == 1 and candidates[0].index == 0:
                    for part in candidates[0].content.parts:
                        if part.text:
                            self._text.speak(THOUGHT if part.thought else TEXT, part.text, out)
                    if chunk.usage_metadata:
                        self._report.keep(bytes(chunk.usage_metadata))
                    self._plain = True
                    return
        value = json.decode_event(data)
        if (failure := failure_in(value)) is not None:
            raise reported(failure)
        if not isinstance(value, dict):
            raise BadEventError(STRANGE)
        if CHUNK.isdisjoint(value):
            if value:
                self._skip(BadEventError(f"{STRANGE} with {cut(', '.join(value))}"))
            return
        self._loosely(value, data, out)

    def _loosely(self, value: dict[str, Any], data: bytes, out: list[StreamEvent]) -> None:
        report = value.get("usageMetadata")
        usage = decode_usage(report) if isinstance(report, dict) and report else None
        if not self._started:
            self._start(value, usage, out)
        candidates = value.get("candidates")
        candidate: dict[str, Any] = {}
        texts: Texts = ()
        if candidates is not None and not isinstance(candidates, list):
            self._skip(BadEventError(STRANGE))
        for i, each in enumerate(candidates if isinstance(candidates, list) else []):
            if not isinstance(each, dict):
                self._skip(BadEventError(STRANGE))
                continue
            index = each.get("index")
            if isinstance(index, int) and index != 0:
                self._others[f"candidates[{index}]"] = None
            elif candidate:
                self._others[f"candidates[{i}]"] = None  # its place is its number, if it says none
            else:
                candidate, known = each, reply_texts(data)
                texts = known[i] if i < len(known) else ()
        if self._text.is_sealed and any(each not in NOTHING for each in _parts_in(candidate)):
            self._text.end(out)  # what this chunk says of sources is about its own text
        more = further(value, candidate)
        self._text.note(more)
        for name, field in more.items():
            before = self._more.get(name)
            self._more[name] = before | field if isinstance(before, dict) and isinstance(field, dict) else field
        if usage is not None:
            self.count_latest()
            self._count(usage)
        self._parts(candidate, texts, out)
        self._ending(value, candidate)

    def _start(self, value: Mapping[str, Any], usage: Usage | None, out: list[StreamEvent]) -> None:
        self._started = True
        known, model, time = value.get("responseId"), value.get("modelVersion"), value.get("createTime")
        out.append(
            ResponseStart(
                id=known if isinstance(known, str) and known else None,
                model=model if isinstance(model, str) and model else None,
                created=_seconds(time),
                extra=note("createTime", time) if isinstance(time, str) else {},
                usage=usage,
            )
        )

    def count_latest(self) -> None:
        """Reads the report that is not read yet."""
        if (usage := self._report.take()) is not None:
            self._count(usage)

    def _count(self, usage: Usage) -> None:
        self._usage = merged(self._usage, usage)

    def _ending(self, value: Mapping[str, Any], candidate: Mapping[str, Any]) -> None:
        feedback, reason = value.get("promptFeedback"), candidate.get("finishReason")
        words = candidate.get("finishMessage")
        if isinstance(reason, str) and reason not in NOT_SAID:
            self._reason, self._finished = reason, True
        elif isinstance(feedback, dict) and isinstance(why := feedback.get("blockReason"), str) and why not in NOT_SAID:
            self._reason, self._finished, self._blocked = why, True, True
            words = feedback.get("blockReasonMessage")
        if isinstance(words, str) and words:
            self._detail = words
        if self._finished and self._skipped is not None:
            raise self._skipped  # a relay would pass the reason on, which callers take for a good end

    # Parts.

    def _parts(self, candidate: Mapping[str, Any], texts: Texts, out: list[StreamEvent]) -> None:
        parts = _parts_in(candidate)
        logprobs = decode_logprobs(candidate.get(RESULT))
        last = max((k for k, part in enumerate(parts) if _words(part)), default=-1)
        for k, part in enumerate(parts):
            self._part(part, _text_at(texts, k, part), out, logprobs if k == last else ())
        rest = further_logprobs(candidate.get(RESULT))
        if logprobs and last < 0:
            if self._text.kind is TEXT:
                out.append(PartDelta("", logprobs))
            else:
                rest = candidate[RESULT]  # no text is open to which they could belong
        if rest:
            name = f"{CANDIDATE}{RESULT}"
            self._more[name] = joined_logprobs(self._more.get(name, {}), rest)

    def _part(self, value: Any, text: str, out: list[StreamEvent], logprobs: tuple[TokenLogprob, ...]) -> None:
        call = value.get("functionCall") if isinstance(value, dict) else None
        if isinstance(call, dict) and (self._partial is not None or _is_fragment(call)):
            self._partially(call, value.get(SIGNATURE), out)
            return
        self._finish_call(out)
        for part in self._decoded(value, text):
            self._told(part, out, logprobs)

    def _told(self, part: AnyPart, out: list[StreamEvent], logprobs: tuple[TokenLogprob, ...]) -> None:
        """A part that is complete."""
        if isinstance(part, ToolCall) and not part.name:
            raise nameless_call()
        if isinstance(part, Text | Reasoning):
            kind = TEXT if isinstance(part, Text) else THOUGHT
            if part.text:
                self._text.speak(kind, part.text, out, logprobs or None)
                if part.opaque is not None or part.extra:
                    self._text.seal(part.opaque, part.extra or None)
            elif self._text.kind is kind and not self._text.is_sealed and is_marked(part.opaque):
                # A gateway gives a text its state in a part that follows, when the words have gone out.
                self._text.seal(part.opaque, part.extra or None)
            elif part.opaque is not None or part.extra:
                self._text.end(out)
                self._begun = True
                out += [PartStart(replace(part, opaque=None)), PartEnd(part.opaque)]
            return
        self._whole_part(part, out)

    def _decoded(self, value: Any, text: str) -> Sequence[AnyPart]:
        """The part; one of an odd form may be several, or none."""
        try:
            return (decode_part(value, "", text, self._ids, self._state),)
        except InvalidRequestError:
            return odd_parts(value, text, self._ids, self._state)

    def _state(self, signature: str) -> OpaqueState:
        return OpaqueState(NAME, signature, self._origin)

    def _whole_part(self, part: AnyPart, out: list[StreamEvent]) -> None:
        self._text.end(out)
        self._begun = True
        if isinstance(part, ToolCall):
            self._called = True
            if part.name in self._freeform and (words := unwrapped_input(part.arguments)) is not None:
                part = replace(part, arguments=words, input_format="text")
        if isinstance(part, ToolCall | HostedCall):
            out.append(PartStart(replace(part, arguments="")))
            if part.arguments:
                out.append(PartDelta(part.arguments))
            out.append(PartEnd())
        else:
            out += [PartStart(part), PartEnd()]

    def _partially(self, call: Mapping[str, Any], signature: object, out: list[StreamEvent]) -> None:
        """A fragment of a call. Its end is a fragment after which none is announced."""
        if self._partial is not None and call.get("name"):
            self._finish_call(out)
        if self._partial is None:
            self._partial = PartialCall(call)
        self._partial.add(call)
        if isinstance(signature, str) and signature:
            self._partial.signature = signature
        if call.get("willContinue") is not True:
            self._finish_call(out)

    def _finish_call(self, out: list[StreamEvent]) -> None:
        partial, self._partial = self._partial, None
        if partial is None:
            return
        state = None if partial.signature is None else self._state(partial.signature)
        call = self._ids.call(partial.id or None, partial.name)
        self._told(ToolCall(id=call, name=partial.name, arguments=partial.arguments, opaque=state), out, ())

    # The end.

    def _close(self, out: list[StreamEvent]) -> None:
        if self._skipped is not None:
            raise self._skipped
        self._finish_call(out)
        self._text.end(out)
        self.count_latest()
        if self._blocked:
            reason, native = decode_reason("SAFETY", tool_call=False)
            native = None if self._reason == "SAFETY" else self._reason
        else:
            reason, native = decode_reason(self._reason or "STOP", tool_call=self._called)
        if not (self._finished or self._begun or self._text.begun or self._more):
            raise BadEventError("expected an answer, got its end alone", code="empty_answer")
        losses = tuple(map(LostChoice, sorted(self._others)))
        extra = to_extra(self._more)
        out.append(ResponseEnd(reason, self._usage, native, losses=losses, extra=extra, detail=self._detail))
        self.done = True


def _parts_in(candidate: Mapping[str, Any]) -> list[Any]:
    """The parts of a candidate. JSON of this protocol may write a list of one entry as the entry; some write a text."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return parts if isinstance(parts, list) else [parts] if isinstance(parts, dict | str) else []


def _is_fragment(call: Mapping[str, Any]) -> bool:
    return call.get("willContinue") is True or "partialArgs" in call


def _words(part: object) -> bool:
    """Whether a part is text of the answer."""
    return isinstance(part, dict) and bool(part.get("text")) and not part.get("thought")


def _text_at(texts: Texts, at: int, part: object) -> str:
    """The JSON text of the object that a part holds."""
    match part:
        case {"functionCall": {"args": value}} | {"toolCall": {"args": value}} | {"toolResponse": {"response": value}}:
            return text_of(texts, at, value)
        case _:
            return ""


def _seconds(time: object) -> int | None:
    """Seconds since 1970 of an RFC 3339 time; None if it is none."""
    try:
        then = datetime.fromisoformat(time) if isinstance(time, str) else None
        seconds = int(then.timestamp()) if then is not None and then.tzinfo is not None else 0
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < LATEST else None
