"""How far an answer has come, and how the rest of it is asked for if it breaks off. Knows no target and no service.

Of an answer `T` that broke off, `T` has gone out and cannot be taken back. The rest is asked for with `P`, the text `T`
without the white space at its end, as the beginning of the model's own turn:

    T = P + white space         services refuse a beginning that ends in white space
    the model goes on with c    P + c is the whole answer
    the caller gets T + c       without the white space that T and c both have there: it is sent once

Nothing else is taken away from `c`. That it begins with words that `T` ends with says nothing: text may repeat itself
(a table's rows, a refrain, zeros), at any length, so that to remove a repetition could lose text.
"""

from msgspec import Struct
from msgspec.structs import replace

from dragoman.protocols.estimate import estimated_text
from dragoman.types import (
    AnyPart,
    ChatRequest,
    Message,
    Metadata,
    PartDelta,
    PartEnd,
    PartStart,
    Reasoning,
    ResponseEnd,
    ResponseStart,
    StreamEvent,
    Text,
    Usage,
)
from dragoman.types.usage import merged

MAX_TEXT = 1 << 20
"""Characters of text after which an answer is not continued: about 250,000 tokens, which no known model writes at once,
and the text must be kept as long as the answer lasts."""


class Rest(Struct, frozen=True):
    """How the rest of an answer is asked for."""

    request: ChatRequest
    begun: bool
    """Whether the request ends with the beginning of the answer. If not, nothing but white space has gone out."""
    space: str
    """The white space at the end of the text that has gone out; it is not in the request."""
    used: int
    """Tokens of the answer so far, by which the limit of the request was lowered."""
    estimated: bool
    """Whether `used` is not a service's own count."""


def may_go_on(request: ChatRequest) -> bool:
    """Whether an answer to `request` may be made by two models, one after the other.

    JSON by a schema, log probabilities and several answers are not: that the parts fit together cannot be known.
    """
    form = request.response_format
    return (
        (form is None or form.kind == "text")
        and request.top_logprobs is None
        and request.candidate_count in {None, 1}
        and not request.compact
    )


class Unfinished:
    """What has gone out of one answer. `feed` is given all its events; then `rest` says how it may go on."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._size = 0
        self._written: list[str] = []
        """Text and reasoning of the current attempt."""
        self._open: AnyPart | None = None
        self._stuck = False
        """Whether something has gone out after which no other model can go on."""
        self._usage: Usage | None = None
        """What the current attempt reported."""
        self._counted: int | None = None
        """Tokens of its answer so far, by its own count."""
        self._used = 0
        """Tokens of the attempts before it."""
        self._estimated = False
        self.open_length: int | None = None
        """Characters of the open text; None: no text is open."""

    def feed(self, events: list[StreamEvent]) -> list[StreamEvent]:
        """`events`, with the usage at the end of the answer alone.

        Until then it is not known who will end it, and counts of two services must not be mixed.
        """
        return [self._noted(event) for event in events]

    def next_attempt(self, usage: Usage | None) -> None:
        """Another model goes on, which reported `usage` at its start."""
        self._used += self._so_far()
        self._estimated = self._estimated or self._counted is None
        self._written, self._usage, self._counted = [], usage, None

    def rest(self, request: ChatRequest) -> Rest | None:
        """How the rest of the answer to `request` is asked for; None if no other model can go on."""
        if self._stuck or not (self._open is None or isinstance(self._open, Text)):
            return None
        text = "".join(self._text)
        beginning = text.rstrip()
        if _stops_with_more(beginning, request.stop):
            return None
        used = self._used + self._so_far()
        limit = request.max_output_tokens
        thinking = request.reasoning
        asked = replace(
            request,
            max_output_tokens=None if limit is None else max(limit - used, 1),
            # The model has thought already, and services take no beginning of an answer for a model that is to think.
            reasoning=thinking if thinking is not None and thinking.mode == "off" else None,
        )
        return Rest(
            _with_beginning(asked, beginning) if beginning else asked,
            bool(beginning),
            text[len(beginning) :],
            used,
            self._estimated or self._counted is None,
        )

    def _so_far(self) -> int:
        return estimated_text("".join(self._written)) if self._counted is None else self._counted

    def _noted(self, event: StreamEvent) -> StreamEvent:
        match event:
            case PartDelta(text, logprobs):
                if isinstance(self._open, Text | Reasoning):
                    self._add(text)
                self._stuck = self._stuck or logprobs is not None
            case PartStart(part):
                self._open = part
                self.open_length = 0 if isinstance(part, Text) else None
                if not isinstance(part, Text | Reasoning) or part.opaque is not None:
                    self._stuck = True
                else:
                    self._add(part.text)
            case PartEnd(opaque):
                # Opaque state must come back with the turn that it belongs to, and that is not this one any more.
                self._stuck = self._stuck or opaque is not None
                self._open = self.open_length = None
            case Metadata(usage=usage) if usage is not None:
                self._usage = merged(self._usage, usage)
                self._counted = self._counted if usage.output_tokens is None else usage.output_tokens
                return replace(event, usage=None)
            case ResponseStart(usage=usage) if usage is not None:
                self._usage = merged(self._usage, usage)
                return replace(event, usage=None)
            case ResponseEnd(usage=usage):
                self._usage = merged(self._usage, usage)
                return replace(event, usage=self._usage)
        return event

    def _add(self, text: str) -> None:
        if self._stuck:
            return
        self._written.append(text)
        if self.open_length is not None:
            self._text.append(text)
            self._size += len(text)
            self.open_length += len(text)
            if self._size > MAX_TEXT:
                self._stuck = True
                self._text, self._written = [], []


def _stops_with_more(text: str, stops: tuple[str, ...]) -> bool:
    """Whether `text` ends with the beginning of a stop sequence: the model that goes on would not see it whole."""
    return any(text.endswith(stop[:size]) for stop in stops for size in range(1, len(stop)))


def _with_beginning(request: ChatRequest, text: str) -> ChatRequest:
    """`request`, with the beginning of the answer; what its caller wrote of it stands before that."""
    messages, begun = request.messages, Text(text=text)
    if messages and messages[-1].role == "assistant":
        last = replace(messages[-1], parts=(*messages[-1].parts, begun))
        return replace(request, messages=(*messages[:-1], last), source=b"")
    return replace(request, messages=(*messages, Message("assistant", (begun,))), source=b"")
