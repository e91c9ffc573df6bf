"""What a dialect is: the seams that every protocol here fills. Knows no vendor."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import ClassVar

from dragoman.errors import DragomanError
from dragoman.protocols.losses import losses
from dragoman.protocols.profiles import changes, fitted, untaken
from dragoman.protocols.relay import RelayCodec, RelayRequest
from dragoman.types import (
    ChatRequest,
    ChatResponse,
    Headers,
    HttpRequest,
    HttpResponse,
    Loss,
    ModelProfile,
    ServerRequest,
    ServerResponse,
    StreamEvent,
)
from dragoman.types.redacted import Redacted

Exchange = Generator[HttpRequest, HttpResponse, HttpRequest]
"""Preliminary requests: each is yielded, its reply is sent in, and the chat request itself is returned."""


class Env(Redacted, frozen=True):
    """What a codec may not take for itself, so that its bytes can be foretold in a test.

    `now`: seconds since 1970. `key`: the credential to send, if any. `new_id`: a fresh random word of letters and
    digits. `profile`: what is known of the family of models that is asked.
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"key"})
    now: float
    new_id: Callable[[], str]
    key: str | None = None
    profile: ModelProfile = ModelProfile()


class Decoder(ABC):
    """Events from a service's bytes.

    A good beginning and a bad end may come in one read, so neither method raises: both return the events that are good,
    and leave in `error` why no more will come.
    """

    error: DragomanError | None = None
    done: bool = False
    """True once the end mark was seen: what follows is not part of the answer."""
    more_content: bool = False
    """True if the answer, which has ended, holds content beside its parts: a picture in a field of its own."""

    def feed(self, data: bytes) -> list[StreamEvent]:
        """The events that `data`, cut anywhere, completes. An empty piece marks the end of an HTTP chunk."""
        return self.feed_pieces((data,))

    def feed_pieces(self, pieces: Iterable[bytes]) -> list[StreamEvent]:
        """The same, one piece after another."""
        events: list[StreamEvent] = []
        if self.error is None:
            try:
                for piece in pieces:
                    self._read(piece, events)
            except DragomanError as exc:
                self.error = exc
        return events

    def finish(self) -> list[StreamEvent]:
        """The last events, the body having ended well. `error`: TruncatedStreamError if the end mark never came."""
        events: list[StreamEvent] = []
        if self.error is None:
            try:
                self._end(events)
            except DragomanError as exc:
                self.error = exc
        return events

    @property
    def ending(self) -> bool:
        """True once a reason to stop was said: only usage and the end mark may follow, and `salvage` needs neither."""
        return False

    def salvage(self) -> list[StreamEvent]:
        """What was held back, the body having broken off; with `done`, the answer is whole in spite of that."""
        return []

    @abstractmethod
    def _read(self, data: bytes, out: list[StreamEvent]) -> None: ...

    @abstractmethod
    def _end(self, out: list[StreamEvent]) -> None: ...


class ClientCodec(ABC):
    """The half that calls a service."""

    name: ClassVar[str]
    expresses: frozenset[str]
    """The fields of ChatRequest, and the kinds of parts, that this protocol can say; see `losses`."""
    relay: RelayCodec | None = None
    """The protocol's part in relaying, where it can be relayed."""
    error_types: frozenset[str] = frozenset({"text/html"})
    """Media types that no good answer of this protocol has: such a reply is an error, whatever its status."""

    def untaken(self, profile: ModelProfile) -> frozenset[str]:
        """What of `expresses` models of `profile` do not take."""
        return untaken(profile)

    def losses(self, request: ChatRequest, profile: ModelProfile) -> tuple[Loss, ...]:
        """What of `request` a model of `profile` will not get, or not as it was said."""
        lost = losses(request, self.expresses, self.name, self.untaken(profile))
        return (*lost, *changes(request, profile))

    def fit(self, request: ChatRequest, profile: ModelProfile) -> ChatRequest:
        """`request` as a model of `profile` takes it: without what `losses` names for that reason."""
        return fitted(request, profile, self.untaken(profile))

    @abstractmethod
    def encode_request(self, request: ChatRequest, env: Env) -> HttpRequest | Exchange:
        """The request on the wire, which `fit` has made fit. Raises InvalidRequestError if it cannot be said at all."""

    @abstractmethod
    def decoder(self, request: ChatRequest) -> Decoder:
        """A fresh decoder for the answer to `request`."""

    @abstractmethod
    def decode_error(self, reply: HttpResponse) -> DragomanError:
        """What a reply that is no answer means."""


class Encoder(ABC):
    """Bytes for a caller from events."""

    status: int = 200
    headers: Headers = ()
    heartbeat: bytes = b""
    """What may be sent in a silence without meaning anything; empty if the protocol has no such thing."""

    @abstractmethod
    def send(self, events: Sequence[StreamEvent]) -> bytes:
        """The bytes of a batch; may be empty.

        Raises a DragomanError at the end of an answer that this protocol would misrepresent: `fail` comes next.
        """

    @abstractmethod
    def fail(self, error: DragomanError) -> bytes:
        """The bytes that say that the answer broke off here; empty if the protocol has no words for that."""


class ServerCodec(ABC):
    """The half that a program calls."""

    name: ClassVar[str]
    expresses: ClassVar[frozenset[str]]
    """What an answer of this protocol can say: kinds of parts, and those of the names that `answer_losses` asks for."""

    def read_relayed(self, call: ServerRequest) -> RelayRequest | None:
        """A request, as far as a relay must know it; None if it cannot be relayed. Raises RequestError."""
        return None

    @abstractmethod
    def decode_request(self, call: ServerRequest, *, key_shown: bool = False) -> ChatRequest:
        """What the caller asks. Raises a RequestError, or AuthenticationError.

        `key_shown`: the caller has shown a key of the gateway, and need not show a password of the protocol's own.
        """

    @abstractmethod
    def encode_response(self, response: ChatResponse, request: ChatRequest, env: Env) -> ServerResponse:
        """A whole answer, for a caller who asked for no stream."""

    @abstractmethod
    def encoder(self, request: ChatRequest, env: Env) -> Encoder:
        """A fresh encoder for a streamed answer."""

    def encode_stream_error(self, error: DragomanError) -> bytes:
        """The last bytes of a stream that broke off; empty if the protocol has no words for that."""
        return b""

    @abstractmethod
    def encode_error(self, error: DragomanError) -> ServerResponse:
        """The answer where there is none."""
