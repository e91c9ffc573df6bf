"""What a dialect is to a relay, where caller and service both speak it: bytes pass, little of them is read."""

from abc import ABC, abstractmethod
from typing import ClassVar

from msgspec import Raw, Struct

from dragoman.errors import DragomanError
from dragoman.types import FinishReason, HttpRequest, Usage


class Question(Struct, frozen=True):
    """A caller's request, read only as far as a relay must: whose model, and whether it wants a stream.

    `fields`: all that it says, as it stands.
    """

    model: str
    stream: bool
    fields: dict[str, Raw]


class Told:
    """What an answer says of itself.

    `error`: why it is bad. `other`: its body is not of the form that was asked for, and must be decoded.
    """

    other: bool = False
    error: DragomanError | None = None
    usage: Usage | None = None
    finish_reason: FinishReason | None = None


class Tap(Told, ABC):
    """A pure observer of a stream: it changes nothing, and decodes nothing that need not be.

    Fed the body's bytes, cut anywhere. `committed`: content has been seen, from where on a failure cannot be hidden.
    `done`: its end mark was seen; `owed`: what is missing of it, though the answer is good.
    """

    committed: bool = False
    done: bool = False
    owed: bytes = b""

    @abstractmethod
    def feed(self, data: bytes) -> bool:
        """Observes what passes. True where that was content and nothing else, and an event ends where `data` does."""

    @abstractmethod
    def boundary(self, data: bytes) -> int:
        """How many bytes of `data`, which begins between events, are whole events; all, where that cannot be told."""

    @abstractmethod
    def good(self, data: bytes) -> int:
        """How many bytes of `data`, which begins between events, stand before the event that is the `error`."""

    @abstractmethod
    def finish(self) -> None:
        """The body ended well; `error` is TruncatedStreamError where the answer did not."""


class RelayCodec(ABC):
    """A protocol's part in relaying."""

    name: ClassVar[str]

    @abstractmethod
    def rewrite(self, question: Question, model: str) -> bytes:
        """The request's body for a service that calls the model by this name."""

    @abstractmethod
    def frame(self, key: str | None, *, stream: bool) -> HttpRequest:
        """A request without its body, as a service of this protocol wants it."""

    @abstractmethod
    def tap(self) -> Tap:
        """A fresh observer of a stream."""

    @abstractmethod
    def read(self, body: bytes) -> Told:
        """What a whole answer says."""
