"""What a stream is made of, and the order it may come in."""

from enum import Enum
from typing import Literal

from msgspec import Struct, field

from dragoman.types.losses import Loss
from dragoman.types.messages import AnyPart, Extra
from dragoman.types.usage import Usage

FinishReason = Literal["stop", "length", "tool_call", "content_filter", "refusal", "pause", "other"]
"""Why the model stopped. A stop sequence is a `stop`; `other` has no word here (see `native_finish_reason`)."""


class ResponseStart(Struct, frozen=True, tag="response_start"):
    """The service answers."""

    id: str | None = None
    model: str | None = None
    """The service's own name of the model."""
    created: int | None = None
    """Seconds since 1970."""
    losses: tuple[Loss, ...] = ()
    """What of the request the service's protocol could not carry."""
    extra: Extra = field(default_factory=dict)


class PartStart(Struct, frozen=True, tag="part_start"):
    """A part begins. Its text is empty, unless the part comes complete in one piece, as an image does."""

    part: AnyPart


class PartDelta(Struct, frozen=True, tag="part_delta"):
    """More of the open part: its text, or a tool call's arguments."""

    text: str


class PartEnd(Struct, frozen=True, tag="part_end"):
    """The open part is complete. `signature` belongs to reasoning."""

    signature: str | None = None


class ResponseEnd(Struct, frozen=True, tag="response_end"):
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


StreamEvent = ResponseStart | PartStart | PartDelta | PartEnd | ResponseEnd


class StreamState(Enum):
    """Where a stream stands."""

    NEW = "new"
    BETWEEN = "between parts"
    OPEN = "in a part"
    ENDED = "ended"


GRAMMAR: dict[StreamState, dict[type[StreamEvent], StreamState]] = {
    StreamState.NEW: {ResponseStart: StreamState.BETWEEN},
    StreamState.BETWEEN: {PartStart: StreamState.OPEN, ResponseEnd: StreamState.ENDED},
    StreamState.OPEN: {PartDelta: StreamState.OPEN, PartEnd: StreamState.BETWEEN},
    StreamState.ENDED: {},
}
"""State and event to the next state. A pair that is not in this table (KeyError) is the sender's fault."""
