"""What a dialect does for a relay, if caller and service both speak it: bytes pass, and few of them are read."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from typing import ClassVar, Protocol

from dragoman.errors import DragomanError
from dragoman.protocols.answer_model import Places
from dragoman.protocols.decoder import Decoder
from dragoman.protocols.streams.lane import NOTHING, Shape, Taken
from dragoman.types import (
    FinishReason,
    Headers,
    HttpRequest,
    ModelProfile,
    PartStart,
    ResponseEnd,
    ServerRequest,
    StreamEvent,
    Usage,
)
from dragoman.wire.steps import Steps


class ReplySummary:
    """What was learnt of an answer."""

    __slots__ = ("empty", "error", "finish_reason", "needs_decoding", "usage")

    def __init__(self) -> None:
        self.needs_decoding = self.empty = False
        """`needs_decoding`: the body does not have the form that was asked for, and must be decoded.
        `empty`: the answer has ended without any content."""
        self.error: DragomanError | None = None
        """Why the answer failed; None if it did not."""
        self.usage: Usage | None = None
        self.finish_reason: FinishReason | None = None

    @property
    def answer_id(self) -> str:
        """The service's id of the answer, if callers may ask for it by that later; empty until it is known."""
        return ""

    def decode(self, decoder: Decoder, body: bytes) -> list[StreamEvent]:
        """Learns what `decoder` reads of a whole answer; its events."""
        events = [*decoder.feed(body), *decoder.finish()]
        self.error = decoder.error
        for event in events:
            if isinstance(event, ResponseEnd):
                self.finish_reason, self.usage = event.finish_reason, event.usage
                self.empty = not (decoder.more_content or any(isinstance(each, PartStart) for each in events))
        return events

    def count(self) -> None:
        """Reads the reports of tokens that were kept as they came: after it, `usage` is what is known by now."""
        return


class Tap(ReplySummary, ABC):
    """A stream passes through it: complete events as they came, but nothing before the first content.

    It is fed the body's bytes, cut anywhere. An event that reports a failure does not pass, and nothing passes after
    it, or after the answer's end.
    """

    __slots__ = ("committed", "done")

    reads_passed: ClassVar[bool] = False
    """Whether `passed` must know the bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.committed = self.done = False
        """`committed`: content has come, and from now on a failure cannot be hidden. `done`: the answer ended well."""

    @property
    @abstractmethod
    def ending(self) -> bool:
        """True once a reason to stop has come: `salvage` would give a complete answer."""

    @abstractmethod
    def feed(self, data: bytes) -> bytes:
        """The bytes that may pass now. If these are exactly `data`, it is the same object."""

    def feed_pieces(self, pieces: list[bytes]) -> bytes:
        """The same for the HTTP chunks that one read brought."""
        return self.feed(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    @abstractmethod
    def finish(self) -> bytes:
        """The body ended well. The bytes that may still pass; `error` is TruncatedStreamError if the answer did not."""

    @abstractmethod
    def salvage(self) -> bytes:
        """The body broke off. The bytes that may still pass; `done` if nothing but the end mark was missing."""

    def failure(self, error: DragomanError) -> bytes | None:
        """The last bytes of an answer that broke off, if they depend on what has passed; None if they do not."""
        return None

    def texts(self, data: bytes, at: int) -> Taken:
        """The texts of the events of `data` from `at` on, if they have a form that it has learnt."""
        return NOTHING

    @property
    def shape(self) -> Shape | None:
        """Events of this shape may pass without being fed from here on, as they came: they teach nothing.

        None if there are none such now. Any other event must be fed, and may change it.
        """
        return None

    def passed(self, data: bytes) -> None:
        """Some of these have passed. `data`: the last of them, with the frames of their HTTP chunks; empty unless
        `reads_passed`."""
        return

    @property
    def counted(self) -> bool:
        """Whether the usage so far has the output so far."""
        return self.usage is not None and self.usage.output_tokens is not None

    @abstractmethod
    def unread(self) -> bytes:
        """What came and did not pass: the decoder reads it, if the reply cannot be relayed."""


class RelayRequest(Protocol):
    """A caller's request, read only as far as a relay must: whose model, and whether it wants a stream."""

    @property
    def model(self) -> str:
        """The model's name; empty if none is named."""

    @property
    def stream(self) -> bool:
        """Whether a stream is wanted."""

    @property
    def path(self) -> str:
        """Where it is sent below the service's URL, if its protocol has several paths for chats; else empty."""

    @property
    def headers(self) -> Headers:
        """The caller's header fields that change what the body means, and so are sent with it; never a key."""

    @property
    def origins(self) -> frozenset[str]:
        """Whose marked state its body holds; see `opaque`. Only a gateway like this one takes such a body as it is."""

    def body_for(self, model: str, relay: "RelayCodec | None" = None) -> bytes:
        """Its body for a service that knows the model by this name, as `relay` wants it."""

    def tap(self) -> Tap:
        """A new tap for the answer to it."""


class RelayReader(Protocol):
    """Reads callers' requests of one protocol, each only as far as a relay must know it."""

    def at_once(self, call: ServerRequest) -> RelayRequest | None:
        """The request; None if it cannot be relayed. Raises RequestError."""

    def in_steps(self, call: ServerRequest) -> Steps[RelayRequest | None]:
        """The same for a body of more than 8 KiB, in steps, because a large one must not hold the loop."""


class NotRelayed(RelayReader):
    """Requests of the protocol are always translated."""

    def at_once(self, call: ServerRequest) -> None:
        return None

    def in_steps(self, call: ServerRequest) -> Steps[None]:
        yield from ()


NOT_RELAYED = NotRelayed()


class RelayCodec(ABC):
    """A protocol's part in relaying."""

    name: ClassVar[str]
    stream_type: ClassVar[str]
    """The media type of a streamed answer; a reply of any other is decoded."""
    whole_type: ClassVar[str]
    """The same for an answer that is not streamed."""
    stream_headers: ClassVar[Headers]
    """Header fields of a streamed answer to a caller."""
    whole_headers: ClassVar[Headers]
    """The same for an answer that is not streamed."""
    heartbeat: ClassVar[bytes] = b""
    """Bytes without a meaning, sent when the service is silent; empty if the protocol has no such thing."""

    head_key: Callable[[str, RelayRequest], Hashable] | None = None
    """What the head of a request for a model depends on: requests with equal keys have the same head. None: on the form
    of the answer alone; a protocol whose URLs or fields name more than that has such a function."""

    beta_field: ClassVar[str] = ""
    """See `ClientCodec`."""

    stream_usage: bool = True
    """Whether the service takes the question for the usage of a stream; if not, it is never asked."""

    renamed: Mapping[str, str] = {}
    """Fields to the service's own names of them."""

    body_with: Callable[[Mapping[str, object], Headers], Mapping[str, object]] | None = None
    """The fields of a body as the service wants them, from those that the caller sent, with the service's own name of
    the model, and the header fields that pass. None: the body passes."""

    empty_ok: ClassVar[bool] = False
    """Whether an answer without content is always a good one."""

    takes: Callable[[RelayRequest], bool] | None = None
    """Whether the service takes a request as it came; if not, it is translated. None: it takes all."""

    own_settings: bool = False
    """Whether `takes_settings` knows more than the profile says, of what the service itself refuses."""

    def takes_settings(self, request: RelayRequest, model: str, profile: ModelProfile) -> bool:
        """Whether `model`, of which `profile` is known, takes what `request` says of thinking, of the choice among
        tokens, and of the answer's length and form; if not, the request is translated."""
        return True

    model_at: ClassVar[Places] = (("model",),)
    """Where an answer has the service's own name of its model."""

    @abstractmethod
    def request_head(self, key: str | None, model: str, *, stream: bool) -> HttpRequest:
        """A request without its body, as a service of this protocol wants it."""

    def head_for(self, key: str | None, model: str, request: RelayRequest) -> HttpRequest:
        """The same for `request`, which may name one of several paths."""
        return self.request_head(key, model, stream=request.stream)

    @abstractmethod
    def read(self, body: bytes) -> ReplySummary:
        """What a whole answer says."""
