"""What a dialect is to a relay, where caller and service both speak it: bytes pass, little of them is read."""

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol

from dragoman.errors import DragomanError
from dragoman.types import FinishReason, Headers, HttpRequest, Usage


class ReplySummary:
    """What an answer says of itself.

    `error`: why it is bad. `needs_decoding`: its body is not of the form that was asked for, and must be decoded.
    `empty`: it has ended with nothing in it.
    """

    __slots__ = ("empty", "error", "finish_reason", "needs_decoding", "usage")

    def __init__(self) -> None:
        self.needs_decoding = self.empty = False
        self.error: DragomanError | None = None
        self.usage: Usage | None = None
        self.finish_reason: FinishReason | None = None


class Tap(ReplySummary, ABC):
    """Through which a stream passes: whole events as they came, and nothing before the first content.

    Fed the body's bytes, cut anywhere. `committed`: content has been seen, from where on a failure cannot be hidden.
    `waiting`: bytes that do not pass before there is content.
    `done`: the answer has ended well. Of an event that says that it failed, and of what stands behind it or behind the
    end, nothing passes.
    """

    __slots__ = ("committed", "done", "waiting")

    def __init__(self) -> None:
        super().__init__()
        self.committed = self.done = False
        self.waiting = 0

    @property
    @abstractmethod
    def ending(self) -> bool:
        """True once a reason to stop was said: `salvage` would give a whole answer."""

    @abstractmethod
    def feed(self, data: bytes) -> bytes:
        """The bytes that may pass now; `data` itself, if that is all of it and nothing else."""

    def feed_pieces(self, pieces: list[bytes]) -> bytes:
        """The same of what one read brought, in HTTP's chunks."""
        return self.feed(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    @abstractmethod
    def finish(self) -> bytes:
        """The body ended well. The bytes that may still pass; `error` is TruncatedStreamError if the answer did not."""

    @abstractmethod
    def salvage(self) -> bytes:
        """The body broke off. The bytes that may still pass; `done` if all of the answer was there but the end mark."""

    @abstractmethod
    def unread(self) -> bytes:
        """What came and did not pass, for the decoder of a reply that cannot be relayed."""


class RelayRequest(Protocol):
    """A caller's request, read only as far as a relay must: whose model, and whether it wants a stream."""

    @property
    def model(self) -> str:
        """Whose; empty if none is named."""

    @property
    def stream(self) -> bool:
        """Whether a stream is wanted."""

    @property
    def headers(self) -> Headers:
        """Those of the caller's header fields that change what the body means, and so go up with it; never a key."""

    def body_for(self, model: str) -> bytes:
        """Its body for a service that calls the model by this name. The usage is always asked for."""

    def tap(self) -> Tap:
        """A fresh tap for the answer to it."""


class RelayCodec(ABC):
    """A protocol's part in relaying."""

    name: ClassVar[str]
    stream_type: ClassVar[str]
    """The media type of a streamed answer; a reply of any other is decoded."""
    whole_type: ClassVar[str]
    """The same of a whole answer."""
    stream_headers: ClassVar[Headers]
    """Header fields of a streamed answer to a caller."""
    whole_headers: ClassVar[Headers]
    """The same of a whole answer."""
    heartbeat: ClassVar[bytes] = b""
    """What may be sent in a silence without meaning anything."""

    model_in_path: ClassVar[bool] = False
    """Whether the URL of a request names the model, and so each model has a head of its own."""

    @abstractmethod
    def request_head(self, key: str | None, model: str, *, stream: bool) -> HttpRequest:
        """A request without its body, as a service of this protocol wants it."""

    @abstractmethod
    def read(self, body: bytes) -> ReplySummary:
        """What a whole answer says."""
