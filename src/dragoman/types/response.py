"""A whole answer: the fold of its stream."""

from collections.abc import Iterable
from typing import Generic, TypeVar, assert_never

from msgspec import UNSET, UnsetType, field
from msgspec.structs import replace

from dragoman.errors import BadEventError, OutputError, TruncatedStreamError
from dragoman.types.events import (
    GRAMMAR,
    FinishReason,
    Metadata,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    StreamState,
)
from dragoman.types.growing_text import GrowingText
from dragoman.types.losses import Loss
from dragoman.types.messages import (
    AnyPart,
    Audio,
    Citation,
    Extra,
    HostedCall,
    Message,
    OpaqueState,
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
)
from dragoman.types.usage import Usage, merged
from dragoman.types.value import Value

T = TypeVar("T")


class ChatResponse(Value, frozen=True, kw_only=True):
    """What the model answered."""

    id: str | None = None
    model: str | None = None
    created: int | None = None
    parts: tuple[AnyPart, ...] = ()
    finish_reason: FinishReason = "stop"
    usage: Usage | None = None
    native_finish_reason: str | None = None
    stop_sequence: str | None = None
    detail: str | None = None
    """The service's explanation why the model stopped."""
    losses: tuple[Loss, ...] = ()
    """What of the request and of the answer was not carried; `names` gives the names of those that count."""
    extra: Extra = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    """Names in `extra` that mean nothing to a reader."""

    @property
    def text(self) -> str:
        """All text parts, joined with nothing between them."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def reasoning(self) -> str:
        """The model's thinking, or the summary of it that the service shows; empty if there is none."""
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))

    @property
    def refusal(self) -> str:
        """The model's own words why it will not answer, which `text` has not; empty if it did not refuse."""
        return "".join(part.text for part in self.parts if isinstance(part, Refusal))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools that the model asks for, in the model's order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def message(self) -> Message:
        """The answer as a turn of the conversation."""
        return Message("assistant", self.parts)


class OutputResponse(ChatResponse, Generic[T], frozen=True, kw_only=True):
    """What the model answered, as a value of a type."""

    value: T | UnsetType = UNSET
    """The value; UNSET if the answer calls tools."""

    @property
    def output(self) -> T:
        """The value. Raises OutputError if there is none yet, because the model calls tools first."""
        if self.value is UNSET:
            raise OutputError(
                "expected an output, got calls of tools, whose results the model wants first: `run(…)` calls them"
            )
        return self.value


class Fold:
    """Collects a stream. `feed` takes events in order, `result` is the answer once it has ended."""

    def __init__(self) -> None:
        self._state = StreamState.NEW
        self._start = ResponseStart()
        self._parts: list[AnyPart] = []
        self._open: AnyPart | None = None
        self._text = GrowingText()
        self._logprobs: list[TokenLogprob] | tuple[()] = ()  # an open stream holds no empty lists
        self._citations: list[Citation] | tuple[()] = ()
        self._transcript = GrowingText()
        self._usage: Usage | None = None
        self._end: ResponseEnd | None = None

    def feed(self, events: Iterable[StreamEvent]) -> None:
        """Raises BadEventError if an event may not come."""
        for event in events:
            if isinstance(event, PartDelta):  # nearly all are, and the table costs twice as much as all else
                if self._state is not StreamState.OPEN:
                    raise self._unexpected(event)
                self._text.add(event.text)
                if event.logprobs:
                    self._logprobs = logprobs = self._logprobs or []
                    logprobs += event.logprobs
                continue
            following = GRAMMAR[self._state].get(type(event))
            if following is None:
                raise self._unexpected(event)
            self._state = following
            match event:
                case PartStart(part):
                    self._open = part
                case PartEnd():
                    self._close(event)
                case Metadata():
                    if event.citations:
                        self._citations = citations = self._citations or []
                        citations += event.citations
                    self._transcript.add(event.transcript or "")
                    self._usage = merged(self._usage, event.usage)
                case ResponseStart():
                    self._start = event
                    self._usage = merged(self._usage, event.usage)
                case ResponseEnd():
                    self._end = event
                    self._usage = merged(self._usage, event.usage)
                case _:
                    assert_never(event)

    def say(self, text: str) -> None:
        """More of the open part, as a PartDelta of `text` says it."""
        self._text.add(text)

    @property
    def last(self) -> AnyPart:
        """The part that ended last. Raises IndexError if none has."""
        return self._parts[-1]

    def _unexpected(self, event: StreamEvent) -> BadEventError:
        return BadEventError(f"expected no {type(event).__name__} while {self._state.value}")

    def _close(self, end: PartEnd) -> None:
        part = self._open
        assert part is not None  # noqa: S101  # by the table of states
        part = _with_text(part, str(self._text))
        if isinstance(part, Text) and (self._citations or self._logprobs):
            citations, logprobs = (*part.citations, *self._citations), (*part.logprobs, *self._logprobs)
            part = replace(part, citations=citations, logprobs=logprobs)
        if isinstance(part, Audio) and (transcript := str(self._transcript)):
            part = replace(part, transcript=(part.transcript or "") + transcript)
        if end.opaque is not None:
            part = replace(part, opaque=end.opaque)
        if end.extra:
            part = replace(part, extra=joined(part.extra, end.extra))
        self._parts.append(part)
        self._text, self._transcript = GrowingText(), GrowingText()
        self._logprobs, self._citations = (), ()

    def result(self) -> ChatResponse:
        """The whole answer. Raises TruncatedStreamError if its end never came."""
        if self._end is None:
            raise TruncatedStreamError("the answer broke off before its end")
        start, end = self._start, self._end
        return ChatResponse(
            id=start.id,
            model=start.model,
            created=start.created,
            parts=tuple(self._parts),
            finish_reason=end.finish_reason,
            usage=self._usage,
            native_finish_reason=end.native_finish_reason,
            stop_sequence=end.stop_sequence,
            detail=end.detail,
            losses=(*start.losses, *end.losses),
            extra=joined(start.extra, end.extra),
            silent=(*start.silent, *end.silent),
        )


def joined(first: Extra, later: Extra) -> Extra:
    """Both as one; if both have a field, the later one holds."""
    if not later:
        return first
    return first | {name: first.get(name, {}) | fields for name, fields in later.items()}


def _with_text(part: AnyPart, text: str) -> AnyPart:
    if not text:
        return part
    match part:
        case Text() | Refusal() | Reasoning():
            return replace(part, text=part.text + text)
        case ToolCall() | HostedCall():
            return replace(part, arguments=part.arguments + text)
        case Audio():
            return replace(part, data=(part.data or "") + text)
        case _:
            raise BadEventError(f"expected no delta in a part that came whole ({type(part).__name__})")


def fold(events: Iterable[StreamEvent]) -> ChatResponse:
    """The whole answer of a complete stream."""
    folding = Fold()
    folding.feed(events)
    return folding.result()


def unfold(response: ChatResponse) -> list[StreamEvent]:
    """The shortest stream whose fold is `response`."""
    events: list[StreamEvent] = [
        ResponseStart(
            response.id, response.model, response.created, response.losses, response.extra, silent=response.silent
        )
    ]
    for part in response.parts:
        match part:
            case Text(text=text) | Refusal(text=text) | Reasoning(text=text):
                events += _streamed(replace(part, text="", opaque=None), text, part.opaque)
            case ToolCall(arguments=text) | HostedCall(arguments=text):
                events += _streamed(replace(part, arguments="", opaque=None), text, part.opaque)
            case _:
                events += [PartStart(part), PartEnd()]
    end = ResponseEnd(
        response.finish_reason,
        response.usage,
        response.native_finish_reason,
        response.stop_sequence,
        detail=response.detail,
    )
    return [*events, end]


def _streamed(part: AnyPart, text: str, opaque: OpaqueState | None) -> list[StreamEvent]:
    return [PartStart(part), *([PartDelta(text)] if text else []), PartEnd(opaque)]
