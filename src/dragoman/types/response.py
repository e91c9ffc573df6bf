"""A whole answer: the fold of its stream."""

from collections.abc import Iterable
from io import StringIO
from typing import assert_never

from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.errors import BadEventError, TruncatedStreamError
from dragoman.types.events import (
    GRAMMAR,
    FinishReason,
    PartDelta,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    StreamState,
)
from dragoman.types.losses import Loss
from dragoman.types.messages import AnyPart, Extra, Message, Reasoning, Refusal, Text, ToolCall
from dragoman.types.usage import Usage


class ChatResponse(Struct, frozen=True, kw_only=True):
    """What the model answered."""

    id: str | None = None
    model: str | None = None
    created: int | None = None
    parts: tuple[AnyPart, ...] = ()
    finish_reason: FinishReason = "stop"
    usage: Usage | None = None
    native_finish_reason: str | None = None
    stop_sequence: str | None = None
    losses: tuple[Loss, ...] = ()
    """What of the request and of the answer was not carried; `names` gives the names of those that count."""
    extra: Extra = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All text parts, joined with nothing between them."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools that the model asks for, in the model's order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def message(self) -> Message:
        """The answer as a turn of the conversation."""
        return Message("assistant", self.parts)


class Fold:
    """Collects a stream. `feed` takes events in order, `result` is the answer once it has ended."""

    def __init__(self) -> None:
        self._state = StreamState.NEW
        self._start = ResponseStart()
        self._parts: list[AnyPart] = []
        self._open: AnyPart | None = None
        self._text = StringIO()
        self._end: ResponseEnd | None = None

    def feed(self, events: Iterable[StreamEvent]) -> None:
        """Raises BadEventError if an event may not come."""
        for event in events:
            following = GRAMMAR[self._state].get(type(event))
            if following is None:
                raise BadEventError(f"expected no {type(event).__name__} while {self._state.value}")
            self._state = following
            match event:
                case PartDelta(text):
                    self._text.write(text)
                case PartStart(part):
                    self._open = part
                case PartEnd(signature):
                    assert self._open is not None  # noqa: S101  # by the table above
                    self._parts.append(_whole(self._open, self._text.getvalue(), signature))
                    self._text = StringIO()
                case ResponseStart():
                    self._start = event
                case ResponseEnd():
                    self._end = event
                case _:
                    assert_never(event)

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
            usage=end.usage,
            native_finish_reason=end.native_finish_reason,
            stop_sequence=end.stop_sequence,
            losses=(*start.losses, *end.losses),
            extra=joined(start.extra, end.extra),
        )


def joined(first: Extra, later: Extra) -> Extra:
    """Both as one; if both have a field, the later one holds."""
    if not later:
        return first
    return first | {name: first.get(name, {}) | fields for name, fields in later.items()}


def _whole(part: AnyPart, text: str, signature: str | None) -> AnyPart:
    match part:
        case Reasoning():
            return replace(part, text=part.text + text, signature=part.signature if signature is None else signature)
        case Text() | Refusal():
            return replace(part, text=part.text + text)
        case ToolCall():
            return replace(part, arguments=part.arguments + text)
        case _ if text:
            raise BadEventError(f"expected no delta in a part that came whole ({type(part).__name__})")
        case _:
            return part


def fold(events: Iterable[StreamEvent]) -> ChatResponse:
    """The whole answer of a complete stream."""
    folding = Fold()
    folding.feed(events)
    return folding.result()


def unfold(response: ChatResponse) -> list[StreamEvent]:
    """The shortest stream whose fold is `response`."""
    events: list[StreamEvent] = [
        ResponseStart(response.id, response.model, response.created, response.losses, response.extra)
    ]
    for part in response.parts:
        match part:
            case Text() | Refusal():
                events += _streamed(replace(part, text=""), part.text)
            case Reasoning():
                events += _streamed(replace(part, text="", signature=None), part.text, part.signature)
            case ToolCall():
                events += _streamed(replace(part, arguments=""), part.arguments)
            case _:
                events += [PartStart(part), PartEnd()]
    end = ResponseEnd(response.finish_reason, response.usage, response.native_finish_reason, response.stop_sequence)
    return [*events, end]


def _streamed(part: AnyPart, text: str, signature: str | None = None) -> list[StreamEvent]:
    return [PartStart(part), *([PartDelta(text)] if text else []), PartEnd(signature)]
