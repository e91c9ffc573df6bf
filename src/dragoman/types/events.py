"""What a stream is made of, and the order it may come in."""

from enum import Enum
from typing import Literal

from msgspec import Struct, field

from dragoman.types.losses import Loss
from dragoman.types.messages import AnyPart, Citation, Extra, OpaqueState, TokenLogprob
from dragoman.types.usage import Usage
from dragoman.types.value import Value

FinishReason = Literal["stop", "length", "tool_call", "content_filter", "refusal", "pause", "other"]
"""Why the model stopped. A stop sequence is a `stop`; `other` has no word here (see `native_finish_reason`)."""


class ResponseStart(Value, frozen=True, tag="response_start"):
    """The service answers."""

    id: str | None = None
    model: str | None = None
    """The service's own name of the model."""
    created: int | None = None
    """Seconds since 1970."""
    losses: tuple[Loss, ...] = ()
    """What of the request the service's protocol could not carry."""
    extra: Extra = field(default_factory=dict)
    usage: Usage | None = None
    """What the request cost, if the service reports that first."""
    silent: tuple[str, ...] = ()
    """Names in `extra` that mean nothing to a reader: to leave them out is no loss."""


class PartStart(Value, frozen=True, tag="part_start"):
    """A part begins. Its text is empty, unless the part comes complete in one piece, as an image does."""

    part: AnyPart


class PartDelta(Value, frozen=True, gc=False, tag="part_delta"):
    """More of the open part: its text, a tool call's arguments, or more of a sound's base64 text."""

    text: str
    """Of base64 a multiple of four characters."""
    logprobs: tuple[TokenLogprob, ...] | None = None


class Delta(Struct, frozen=True):
    """More of a part, with the part that it belongs to: what a PartDelta and the PartStart before it say."""

    part: AnyPart
    """The part as it began: its kind, and a tool call's id and name; its text is empty."""
    text: str
    """More of its text, of a tool call's arguments, or of a sound's base64 text."""


class Metadata(Value, frozen=True, tag="metadata"):
    """Said beside the text: about the open part, or about the answer if no part is open."""

    citations: tuple[Citation, ...] = ()
    """Sources of the open text."""
    transcript: str | None = None
    """More of the transcript of the open sound."""
    usage: Usage | None = None
    """The tokens so far."""
    extra: Extra | None = None
    """An event of one protocol, such as the progress of a tool; a whole answer does not have it."""


class PartEnd(Value, frozen=True, tag="part_end"):
    """The open part is complete."""

    opaque: OpaqueState | None = None
    extra: Extra | None = None
    """Further fields of the part, which came at its end."""


class ResponseEnd(Value, frozen=True, tag="response_end"):
    """The answer is complete."""

    finish_reason: FinishReason
    usage: Usage | None = None
    native_finish_reason: str | None = None
    """The service's own word, if it differs from ours."""
    stop_sequence: str | None = None
    losses: tuple[Loss, ...] = ()
    """What of the answer could not be read or carried."""
    extra: Extra = field(default_factory=dict)
    """What the service's protocol said beyond these values, collected over the whole stream."""
    detail: str | None = None
    """The service's explanation why the model stopped."""
    silent: tuple[str, ...] = ()
    """Names in `extra` that mean nothing to a reader: to leave them out is no loss."""


StreamEvent = ResponseStart | PartStart | PartDelta | Metadata | PartEnd | ResponseEnd


class StreamState(Enum):
    """Where a stream stands."""

    NEW = "new"
    BETWEEN = "between parts"
    OPEN = "in a part"
    ENDED = "ended"


GRAMMAR: dict[StreamState, dict[type[StreamEvent], StreamState]] = {
    StreamState.NEW: {ResponseStart: StreamState.BETWEEN},
    StreamState.BETWEEN: {
        PartStart: StreamState.OPEN,
        Metadata: StreamState.BETWEEN,
        ResponseEnd: StreamState.ENDED,
    },
    StreamState.OPEN: {PartDelta: StreamState.OPEN, Metadata: StreamState.OPEN, PartEnd: StreamState.BETWEEN},
    StreamState.ENDED: {},
}
"""State and event to the next state. A pair that is not in this table (KeyError) is the sender's fault."""
